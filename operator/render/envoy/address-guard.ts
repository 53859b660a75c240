// Which resolved addresses Envoy refuses to connect to. Guard ranges minus the holes that configuration opens, and what
// it shuts besides.
import ipaddr from 'ipaddr.js';
import { type AddressRange, parseAddressRange } from '../../model/address-range.ts';
import { GUARDED_RANGES, METADATA_RANGES } from '../../model/special-address.ts';
import type { GatewaySettings, Json } from './envoy-config.ts';

type ConfiguredRanges = Pick<GatewaySettings, 'openRanges' | 'denyRanges'>;

const EVERYTHING: readonly AddressRange[] = [
  { family: 4, address: '0.0.0.0', prefixLength: 0 },
  { family: 6, address: '::', prefixLength: 0 },
];

/** For enforced lanes: all that is not public. */
export function enforcedGuard({ openRanges, denyRanges }: ConfiguredRanges): readonly AddressRange[] {
  return [...subtractRanges(GUARDED_RANGES, openRanges), ...denyRanges, ...METADATA_RANGES];
}

/** For dry-run lanes, which refuse nothing but the cloud metadata services. */
export function dryRunGuard(): readonly AddressRange[] {
  return METADATA_RANGES;
}

/** For the names of a private endpoint: everything but its own ranges; metadata stays shut even inside them. */
export function privateGuard(
  ownRanges: readonly string[],
  { openRanges, denyRanges }: ConfiguredRanges,
): readonly AddressRange[] {
  const own = ownRanges.map(parseAddressRange).flatMap((parsed) => ('range' in parsed ? [parsed.range] : []));
  return [...subtractRanges(EVERYTHING, [...own, ...openRanges]), ...denyRanges, ...METADATA_RANGES];
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
