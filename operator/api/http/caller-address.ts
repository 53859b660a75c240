// Who calls: the peer of the connection, or behind trusted proxies the last address that none of them has. Entries to
// the left of that one are the caller's own words and count for nothing.
import type { AddressRange } from '../../model/address-range.ts';
import { addressBits, rangesContain } from '../../model/address-range.ts';

export interface AddressSource {
  /** Of the connection. */
  readonly peer: string;
  /** Every value of X-Forwarded-For, in the order of the lines. */
  readonly forwardedFor: readonly string[];
}

/** Undefined: a trusted proxy names something that is no address. */
export function callerAddress(
  { peer, forwardedFor }: AddressSource,
  trustedProxies: readonly AddressRange[],
): string | undefined {
  const hops = forwardedFor.flatMap((line) => line.split(',')).map((hop) => hop.trim());
  let address = plain(peer);
  while (rangesContain(trustedProxies, address)) {
    const hop = hops.pop();
    if (hop === undefined) break;
    if (addressBits(hop) === undefined) return undefined;
    address = plain(hop);
  }
  return address;
}

/** An IPv4-mapped address is IPv4. */
function plain(address: string): string {
  const [, ipv4 = address] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  return ipv4;
}
