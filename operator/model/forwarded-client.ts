// Which client a proxy speaks for, from the headers that it wrote. A client can send the same headers, so only what
// trusted proxies appended counts, and whatever leaves two answers, or none, is a fault.
import { type AddressRange, plainAddress, rangesContain } from './address-range.ts';

export interface ForwardedHead {
  /** Values of X-Forwarded-For, a text for each line of the head. */
  readonly forwardedFor: readonly string[];
  /** Values of X-Real-IP. */
  readonly realIp: readonly string[];
}

export type ForwardedClient = { readonly address: string } | { readonly fault: string };

/** `trusted`: ranges of the proxies, of which the peer must be one. */
export function forwardedClient(head: ForwardedHead, trusted: readonly AddressRange[]): ForwardedClient {
  const [first, second] = [lastUntrusted(head.forwardedFor, trusted), realAddress(head.realIp)];
  if (first === undefined || second === undefined)
    return first ?? second ?? { fault: 'neither X-Forwarded-For nor X-Real-IP names a client' };
  if ('fault' in first) return first;
  if ('fault' in second || first.address === second.address) return second;
  return {
    fault: `X-Forwarded-For names "${first.address}", and X-Real-IP "${second.address}": the proxy must overwrite both`,
  };
}

/** Whoever has a connection: the peer, or the client for which the peer must speak, if that is one of `trusted`. */
export function connectedClient(
  peer: string,
  forwardedFor: ForwardedHead['forwardedFor'],
  trusted: readonly AddressRange[],
): ForwardedClient {
  const own = { address: plainAddress(peer) ?? peer };
  if (!rangesContain(trusted, own.address)) return own;
  return (
    lastUntrusted(forwardedFor, trusted) ?? { fault: `the proxy "${own.address}" sends no X-Forwarded-For` }
  );
}

/** Undefined where there is no such header. All that is left of the answer is the client's own text. */
function lastUntrusted(
  lines: readonly string[],
  trusted: readonly AddressRange[],
): ForwardedClient | undefined {
  if (lines.length === 0) return undefined;
  const hops = lines.flatMap((line) => line.split(',')).map((hop) => hop.trim());
  let address = '';
  for (const hop of hops.toReversed()) {
    const parsed = plainAddress(hop);
    if (parsed === undefined) return unreadable('X-Forwarded-For', hop);
    address = parsed;
    if (!rangesContain(trusted, address)) break;
  }
  return { address };
}

function realAddress(lines: readonly string[]): ForwardedClient | undefined {
  const [line, ...more] = lines;
  if (line === undefined) return undefined;
  const address = more.length === 0 ? plainAddress(line.trim()) : undefined;
  return address === undefined ? unreadable('X-Real-IP', lines.join(', ')) : { address };
}

function unreadable(header: string, text: string): ForwardedClient {
  return { fault: `"${text.slice(0, 64)}" in ${header} is no address, without a port` };
}
