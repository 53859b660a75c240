// Addresses that a name must never lead to, and the cloud metadata services that are shut for everybody, always.
// The source of the gateway's address guard (DESIGN 4 "Address guard"; attack cases 92-97).
import ipaddr from 'ipaddr.js';
import { type AddressRange, parseAddressRange, rangesContain } from './address-range.ts';

/** Hosts of cloud metadata services, shut even in dry-run. */
export const METADATA_HOSTS: readonly string[] = [
  'metadata.google.internal',
  'metadata.goog',
  'instance-data.ec2.internal',
];

export const METADATA_ADDRESSES: readonly string[] = ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254'];

/** Private, local, shared, reserved, multicast, and the ways to write an IPv4 address inside an IPv6 one. */
const GUARDED: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/8',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

export const GUARDED_RANGES: readonly AddressRange[] = GUARDED.map(mustParse);
export const METADATA_RANGES: readonly AddressRange[] =
  METADATA_ADDRESSES.map(mustParse).flatMap(withEmbedded);

/** Whether a canonical host, or an address as a client wrote it, means a cloud metadata service. */
export function isMetadataHost(host: string): boolean {
  const bare = host.replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1');
  return METADATA_HOSTS.includes(bare) || rangesContain(METADATA_RANGES, bare);
}

/** An IPv4 address, and the IPv6 addresses (mapped, NAT64) under which a dual-stack socket reaches it too. */
function withEmbedded(range: AddressRange): readonly AddressRange[] {
  if (range.family === 6) return [range];
  const ipv4 = ipaddr.IPv4.parse(range.address);
  const suffix = ipv4
    .toIPv4MappedAddress()
    .parts.slice(-2)
    .map((part) => part.toString(16))
    .join(':');
  return [
    range,
    ...['::ffff:', '64:ff9b::'].map(
      (prefix) => ({ family: 6, address: `${prefix}${suffix}`, prefixLength: 128 }) as const,
    ),
  ];
}

/** For ranges that stand in our own source: an unreadable one is a bug. */
function mustParse(text: string): AddressRange {
  const parsed = parseAddressRange(text);
  if ('range' in parsed) return parsed.range;
  throw new Error(`Cannot read built-in range "${text}": ${parsed.message}`);
}
