// Addresses that a name must never resolve to, and cloud metadata services, which are always denied. The source of the
// address guard, derived from two tables.
import ipaddr from 'ipaddr.js';
import { type AddressRange, rangesContain } from './address-range.ts';
import { METADATA_SERVICES } from './cloud-metadata.ts';
import { SPECIAL_PURPOSE_BLOCKS } from './special-purpose-registry.ts';

/** Hosts of cloud metadata services, denied even in dry-run. */
export const METADATA_HOSTS: readonly string[] = [
  ...new Set(METADATA_SERVICES.flatMap(({ names }) => names ?? [])),
];

export const METADATA_ADDRESSES: readonly string[] = [
  ...new Set(METADATA_SERVICES.flatMap(({ addresses }) => addresses)),
];

/**
 * What the registries do not list: multicast (RFC 5771), and of IPv6 all that is not 2000::/3, since nothing else is
 * given out as global unicast. So every IPv4 address inside an IPv6 one is denied: mapped, compatible and translated
 * ones lie in here, 6to4 and Teredo are rows of the registry.
 */
const BEYOND_THE_REGISTRIES = ['224.0.0.0/4', '::/3', '4000::/2', '8000::/1'];

/**
 * Private, local, shared, reserved, multicast. A block that is not globally reachable is denied as a whole: the
 * reachable rows inside it (anycast addresses of NAT protocols) are nobody's destination.
 */
export const NON_PUBLIC_RANGES: readonly AddressRange[] = [
  ...SPECIAL_PURPOSE_BLOCKS.filter(({ globallyReachable }) => globallyReachable !== 'True').map(
    ({ block }) => block,
  ),
  ...BEYOND_THE_REGISTRIES,
].map(builtIn);

export const METADATA_RANGES: readonly AddressRange[] = METADATA_ADDRESSES.flatMap((address) =>
  address.includes(':') ? [address] : [address, ...embeddings(address)],
).map(builtIn);

/**
 * How clients usually write these addresses as the host of a request; embedded IPv4 addresses with decimals too.
 */
export const METADATA_LITERALS: readonly string[] = METADATA_RANGES.filter(isOneAddress).flatMap(
  ({ family, address }) =>
    family === 6 ? [`[${address}]`] : [address, `[::ffff:${address}]`, `[64:ff9b::${address}]`],
);

/**
 * Prefixes behind which a translator decides what an address means: local NAT64 (RFC 8215) and Teredo. Any address may
 * be behind them, cloud metadata too.
 */
export const HIDING_RANGES: readonly AddressRange[] = ['64:ff9b:1::/48', '2001::/32'].map(builtIn);

/** Loopback, link-local and "this host": only the gateway itself reaches these, so they are denied to its clients. */
export const LOCAL_RANGES: readonly AddressRange[] = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16'].map(builtIn).flatMap(withEmbeddings),
  builtIn('fe80::/10'),
];

/** A range, and for IPv4 those of IPv6 that a socket or a translator takes for it. */
export function withEmbeddings(range: AddressRange): readonly AddressRange[] {
  if (range.family === 6) return [range];
  const wider = 32 - range.prefixLength;
  const embedded = embeddings(range.address).map(builtIn);
  return [range, ...embedded.map((one) => ({ ...one, prefixLength: one.prefixLength - wider }))];
}

/** Whether a host, or an address as a client wrote it, means a cloud metadata service. */
export function isMetadataHost(host: string): boolean {
  const bare = host
    .toLowerCase()
    .replace(/\.+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return METADATA_HOSTS.includes(bare) || rangesContain(METADATA_RANGES, bare);
}

/**
 * Under which IPv6 addresses a socket or a translator takes it for this IPv4 address: mapped, compatible, translated by
 * RFC 7915 and by RFC 6052 (with the well-known prefix, and with that of RFC 8215 in both of its usual lengths), 6to4.
 */
function embeddings(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(address).toByteArray();
  const [high, low] = [hex(a * 256 + b), hex(c * 256 + d)];
  const last = ['::ffff:', '::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::'].map(
    (before) => `${before}${high}:${low}`,
  );
  return [...last, `64:ff9b:1:${high}:${hex(c)}:${hex(d * 256)}::/88`, `2002:${high}:${low}::/48`];
}

function hex(number: number): string {
  return number.toString(16);
}

function isOneAddress({ family, prefixLength }: AddressRange): boolean {
  return prefixLength === (family === 4 ? 32 : 128);
}

/** From our own tables, which are canonical; the parser for user input rejects mapped addresses. */
function builtIn(text: string): AddressRange {
  const [address = '', length] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  return { family, address, prefixLength: Number(length ?? (family === 4 ? 32 : 128)) };
}
