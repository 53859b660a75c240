// The ranges of lists as Envoy must have them: each list's own, none twice, so that Envoy's most specific range is that
// of the most specific entry. Envoy takes an IPv4-mapped address for IPv6, while it is IPv4 to everybody else: so each
// IPv4 range has a twin, and no IPv6 range contains the mapped addresses.
import { type AddressRange, parseAddressRange, withoutIpv4Mapped } from '../../../model/address-range.ts';
import type { PlannedList } from '../../../model/ingress-plan.ts';

export type OwnedRange = Pick<AddressRange, 'address' | 'prefixLength'>;

export interface ListRanges {
  readonly listId: string;
  readonly ranges: readonly OwnedRange[];
}

const MAPPED_BITS = 96;

/** Lists without a range of their own are left out; undefined where an entry cannot be read. */
export function rangesByList(lists: readonly PlannedList[]): readonly ListRanges[] | undefined {
  const entries: { readonly range: AddressRange; readonly at: number }[] = [];
  for (const [at, { ipAddresses }] of lists.entries()) {
    for (const entry of ipAddresses) {
      const parsed = parseAddressRange(entry);
      if (!('range' in parsed)) return undefined;
      entries.push({ range: parsed.range, at });
    }
  }
  const owned = lists.map((): OwnedRange[] => []);
  const taken = new Set<string>();
  // The most specific first, of equal ones that of the first list: toSorted() keeps their order.
  for (const { range, at } of entries.toSorted((a, b) => b.range.prefixLength - a.range.prefixLength)) {
    for (const part of partsOf(range)) {
      const key = `${part.address}/${part.prefixLength}`;
      if (taken.has(key)) continue;
      taken.add(key);
      owned[at]?.push(part);
    }
  }
  return lists
    .map(({ listId }, at) => ({ listId, ranges: owned[at] ?? [] }))
    .filter(({ ranges }) => ranges.length > 0);
}

function partsOf(range: AddressRange): readonly OwnedRange[] {
  if (range.family === 6) return withoutIpv4Mapped(range);
  const { address, prefixLength } = range;
  return [range, { address: `::ffff:${address}`, prefixLength: MAPPED_BITS + prefixLength }];
}
