// Finds the most specific of many ranges that contains an address: ranges become disjoint intervals once, an address
// is found among them by bisection. Of equal ranges the first one counts, as in Envoy's IP matcher.
import { type AddressBits, type AddressRange, rangeBits } from '../../model/address-range.ts';

export interface IndexedRange<Owner> {
  readonly range: AddressRange;
  readonly owner: Owner;
}

/** Intervals of one family: each begins at `starts[i]`, ends before the next, and belongs to `owners[i]`. */
interface Intervals<Owner> {
  readonly starts: AddressBits[];
  readonly owners: (Owner | undefined)[];
}

export interface AddressIndex<Owner> {
  readonly ipv4: Intervals<Owner>;
  readonly ipv6: Intervals<Owner>;
}

export function buildAddressIndex<Owner>(ranges: readonly IndexedRange<Owner>[]): AddressIndex<Owner> {
  const ofFamily = (family: 4 | 6) => ranges.filter(({ range }) => range.family === family);
  return { ipv4: toIntervals(ofFamily(4)), ipv6: toIntervals(ofFamily(6)) };
}

/** The owner of the most specific range that contains the address. */
export function findOwner<Owner>({ ipv4, ipv6 }: AddressIndex<Owner>, bits: AddressBits): Owner | undefined {
  const { starts, owners } = typeof bits === 'number' ? ipv4 : ipv6;
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as AddressBits) <= bits) low = middle + 1;
    else high = middle;
  }
  return owners[low - 1];
}

interface Span<Owner> {
  readonly first: AddressBits;
  readonly last: AddressBits;
  readonly owner: Owner;
}

/** Ranges are disjoint or one contains the other, so a stack holds those that contain the current one. */
function toIntervals<Owner>(ranges: readonly IndexedRange<Owner>[]): Intervals<Owner> {
  const intervals: Intervals<Owner> = { starts: [], owners: [] };
  const open: Span<Owner>[] = [];
  for (const span of widestFirst(ranges)) {
    closeBefore(intervals, open, span.first);
    const around = open.at(-1);
    if (around?.first === span.first && around.last === span.last) continue;
    begin(intervals, span.first, span.owner);
    open.push(span);
  }
  closeBefore(intervals, open, undefined);
  return intervals;
}

function widestFirst<Owner>(ranges: readonly IndexedRange<Owner>[]): readonly Span<Owner>[] {
  return ranges
    .map(({ range, owner }) => ({ ...rangeBits(range), owner }))
    .toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
}

/** Ends the open ranges that end before an address, or all. */
function closeBefore<Owner>(
  intervals: Intervals<Owner>,
  open: Span<Owner>[],
  address: AddressBits | undefined,
): void {
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (address !== undefined && top.last >= address) return;
    open.pop();
    begin(intervals, next(top.last), open.at(-1)?.owner);
  }
}

function begin<Owner>(
  { starts, owners }: Intervals<Owner>,
  start: AddressBits,
  owner: Owner | undefined,
): void {
  const isSame = starts.at(-1) === start;
  starts[isSame ? starts.length - 1 : starts.length] = start;
  owners[starts.length - 1] = owner;
}

function next(bits: AddressBits): AddressBits {
  return typeof bits === 'number' ? bits + 1 : bits + 1n;
}

function compare(a: AddressBits, b: AddressBits): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
