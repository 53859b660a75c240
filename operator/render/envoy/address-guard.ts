// The resolved addresses to which Envoy must not connect: non-public ranges, without those that the configuration
// opens, and with those that it denies.
import ipaddr from 'ipaddr.js';
import { memoize } from '../../lib/memo.ts';
import { type AddressRange, parseAddressRange } from '../../model/address-range.ts';
import { compareText } from '../../model/snapshot.ts';
import {
  HIDING_RANGES,
  LOCAL_RANGES,
  METADATA_RANGES,
  NON_PUBLIC_RANGES,
  withEmbeddings,
} from '../../model/special-address.ts';
import type { GatewaySettings, Json } from './envoy-config.ts';

type ConfiguredRanges = Pick<GatewaySettings, 'openRanges' | 'denyRanges'>;

const EVERYTHING: readonly AddressRange[] = [
  { family: 4, address: '0.0.0.0', prefixLength: 0 },
  { family: 6, address: '::', prefixLength: 0 },
];

/** For enforced lanes: all that is not public. */
export function enforcedGuard({ openRanges, denyRanges }: ConfiguredRanges): readonly AddressRange[] {
  return mergeRanges([...subtractRanges(NON_PUBLIC_RANGES, openRanges), ...denyRanges, ...METADATA_RANGES]);
}

/**
 * For dry-run lanes: cloud metadata and ranges that may hide it, addresses that only the gateway reaches, and those
 * that the configuration denies. `foreign` are ranges of other tables' private endpoints.
 */
export function dryRunGuard(
  foreign: readonly AddressRange[],
  { openRanges, denyRanges, ownAddresses }: ConfiguredRanges & Pick<GatewaySettings, 'ownAddresses'>,
): readonly AddressRange[] {
  const local = [...LOCAL_RANGES, ...ownAddresses.flatMap(withEmbeddings)];
  // Public addresses belong to no table.
  const others = subtractRanges(foreign, subtractRanges(foreign, NON_PUBLIC_RANGES));
  return mergeRanges([
    ...subtractRanges([...local, ...others.flatMap(withEmbeddings)], openRanges),
    ...denyRanges.flatMap(withEmbeddings),
    ...METADATA_RANGES,
    ...HIDING_RANGES,
  ]);
}

/** For the names of a private endpoint: everything but its own ranges; metadata is denied even inside them. */
export function privateGuard(
  ownRanges: readonly string[],
  { openRanges, denyRanges }: ConfiguredRanges,
): readonly AddressRange[] {
  const own = readableRanges(ownRanges);
  const foreign = subtractRanges(EVERYTHING, [...own, ...openRanges]);
  return mergeRanges([...foreign, ...denyRanges, ...METADATA_RANGES]);
}

/** An unreadable range covers nothing. */
export function readableRanges(texts: readonly string[]): readonly AddressRange[] {
  return texts.map(parseAddressRange).flatMap((parsed) => ('range' in parsed ? [parsed.range] : []));
}

/** Envoy's CidrRange messages. */
export function cidrRanges(ranges: readonly AddressRange[]): readonly Json[] {
  return ranges.map((range) => ({ address_prefix: range.address, prefix_len: range.prefixLength }));
}

/** Ranges that cover exactly what `ranges` cover and `holes` do not. */
export function subtractRanges(
  ranges: readonly AddressRange[],
  holes: readonly AddressRange[],
): readonly AddressRange[] {
  return ranges.flatMap((range) => {
    if (holes.some((hole) => contains(hole, range))) return [];
    if (!holes.some((hole) => contains(range, hole))) return [range];
    return subtractRanges(halves(range), holes);
  });
}

/**
 * The same addresses in fewer ranges: without those inside others, halves joined. Every tunnel check and every upstream
 * cluster has the list twice.
 */
export function mergeRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = ranges.map((range) => ({ range, bits: bitsOf(range) })).toSorted(byBits);
  const merged: Spelled[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && next.bits.startsWith(last.bits)) continue;
    merged.push(next);
    joinHalves(merged);
  }
  return merged.map(({ range }) => range);
}

interface Spelled {
  readonly range: AddressRange;
  /** Family and prefix; ranges inside begin with it. */
  readonly bits: string;
}

/** Thousands of ranges are merged again where one more comes. */
const bitsOf = memoize(({ family, address, prefixLength }: AddressRange): string => {
  const bytes = ipaddr.parse(address).toByteArray();
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return `${family}:${bits.slice(0, prefixLength)}`;
});

function byBits(a: Spelled, b: Spelled): number {
  return compareText(a.bits, b.bits);
}

/** The last two, as long as they are the halves of one. */
function joinHalves(merged: Spelled[]): void {
  for (;;) {
    const [lower, upper] = merged.slice(-2);
    if (lower === undefined || upper === undefined) return;
    const bits = lower.bits.slice(0, -1);
    if (lower.bits !== `${bits}0` || upper.bits !== `${bits}1`) return;
    const range = { ...lower.range, prefixLength: lower.range.prefixLength - 1 };
    merged.splice(-2, 2, { range, bits });
  }
}

function contains(outer: AddressRange, inner: AddressRange): boolean {
  if (outer.family !== inner.family || outer.prefixLength > inner.prefixLength) return false;
  return ipaddr.parse(inner.address).match(ipaddr.parse(outer.address), outer.prefixLength);
}

function halves(range: AddressRange): readonly AddressRange[] {
  const prefixLength = range.prefixLength + 1;
  const bytes = ipaddr.parse(range.address).toByteArray();
  const at = Math.floor(range.prefixLength / 8);
  const upper = bytes.map((byte, index) => (index === at ? byte | (0x80 >> (range.prefixLength % 8)) : byte));
  return [
    { ...range, prefixLength },
    { family: range.family, address: ipaddr.fromByteArray(upper).toString(), prefixLength },
  ];
}
