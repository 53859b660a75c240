// The special-purpose address registries of IANA, row by row as they stand there, with their date. Data only: what
// follows from it is in special-address.ts. To bring it up to date, compare the rows with the two files and write the
// new date.
//
//   https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry-1.csv
//   https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry-1.csv
/** "Last Updated" of both registries. */
export const REGISTRY_DATE = '2025-10-09';

export interface SpecialPurposeBlock {
  readonly block: string;
  readonly name: string;
  readonly rfc: string;
  /** The column "Globally Reachable". N/A: it leads to where an address inside says. Empty: the block was given up. */
  readonly globallyReachable: 'True' | 'False' | 'N/A' | '';
}

/** A row with two blocks is two rows here. */
export const SPECIAL_PURPOSE_BLOCKS: readonly SpecialPurposeBlock[] = [
  row('0.0.0.0/8', 'This network', 'RFC791', 'False'),
  row('0.0.0.0/32', 'This host on this network', 'RFC1122', 'False'),
  row('10.0.0.0/8', 'Private-Use', 'RFC1918', 'False'),
  row('100.64.0.0/10', 'Shared Address Space', 'RFC6598', 'False'),
  row('127.0.0.0/8', 'Loopback', 'RFC1122', 'False'),
  row('169.254.0.0/16', 'Link Local', 'RFC3927', 'False'),
  row('172.16.0.0/12', 'Private-Use', 'RFC1918', 'False'),
  row('192.0.0.0/24', 'IETF Protocol Assignments', 'RFC6890', 'False'),
  row('192.0.0.0/29', 'IPv4 Service Continuity Prefix', 'RFC7335', 'False'),
  row('192.0.0.8/32', 'IPv4 dummy address', 'RFC7600', 'False'),
  row('192.0.0.9/32', 'Port Control Protocol Anycast', 'RFC7723', 'True'),
  row('192.0.0.10/32', 'Traversal Using Relays around NAT Anycast', 'RFC8155', 'True'),
  row('192.0.0.170/32', 'NAT64/DNS64 Discovery', 'RFC8880', 'False'),
  row('192.0.0.171/32', 'NAT64/DNS64 Discovery', 'RFC8880', 'False'),
  row('192.0.2.0/24', 'Documentation (TEST-NET-1)', 'RFC5737', 'False'),
  row('192.31.196.0/24', 'AS112-v4', 'RFC7535', 'True'),
  row('192.52.193.0/24', 'AMT', 'RFC7450', 'True'),
  row('192.88.99.0/24', 'Deprecated (6to4 Relay Anycast)', 'RFC7526', ''),
  row('192.88.99.2/32', '6a44-relay anycast address', 'RFC6751', 'False'),
  row('192.168.0.0/16', 'Private-Use', 'RFC1918', 'False'),
  row('192.175.48.0/24', 'Direct Delegation AS112 Service', 'RFC7534', 'True'),
  row('198.18.0.0/15', 'Benchmarking', 'RFC2544', 'False'),
  row('198.51.100.0/24', 'Documentation (TEST-NET-2)', 'RFC5737', 'False'),
  row('203.0.113.0/24', 'Documentation (TEST-NET-3)', 'RFC5737', 'False'),
  row('240.0.0.0/4', 'Reserved', 'RFC1112', 'False'),
  row('255.255.255.255/32', 'Limited Broadcast', 'RFC8190', 'False'),
  row('::1/128', 'Loopback Address', 'RFC4291', 'False'),
  row('::/128', 'Unspecified Address', 'RFC4291', 'False'),
  row('::ffff:0:0/96', 'IPv4-mapped Address', 'RFC4291', 'False'),
  row('64:ff9b::/96', 'IPv4-IPv6 Translat.', 'RFC6052', 'True'),
  row('64:ff9b:1::/48', 'IPv4-IPv6 Translat.', 'RFC8215', 'False'),
  row('100::/64', 'Discard-Only Address Block', 'RFC6666', 'False'),
  row('100:0:0:1::/64', 'Dummy IPv6 Prefix', 'RFC9780', 'False'),
  row('2001::/23', 'IETF Protocol Assignments', 'RFC2928', 'False'),
  row('2001::/32', 'TEREDO', 'RFC4380', 'N/A'),
  row('2001:1::1/128', 'Port Control Protocol Anycast', 'RFC7723', 'True'),
  row('2001:1::2/128', 'Traversal Using Relays around NAT Anycast', 'RFC8155', 'True'),
  row('2001:1::3/128', 'DNS-SD Service Registration Protocol Anycast', 'RFC9665', 'True'),
  row('2001:2::/48', 'Benchmarking', 'RFC5180', 'False'),
  row('2001:3::/32', 'AMT', 'RFC7450', 'True'),
  row('2001:4:112::/48', 'AS112-v6', 'RFC7535', 'True'),
  row('2001:10::/28', 'Deprecated (previously ORCHID)', 'RFC4843', ''),
  row('2001:20::/28', 'ORCHIDv2', 'RFC7343', 'True'),
  row('2001:30::/28', 'Drone Remote ID Protocol Entity Tags (DETs) Prefix', 'RFC9374', 'True'),
  row('2001:db8::/32', 'Documentation', 'RFC3849', 'False'),
  row('2002::/16', '6to4', 'RFC3056', 'N/A'),
  row('2620:4f:8000::/48', 'Direct Delegation AS112 Service', 'RFC7534', 'True'),
  row('3fff::/20', 'Documentation', 'RFC9637', 'False'),
  row('5f00::/16', 'Segment Routing (SRv6) SIDs', 'RFC9602', 'False'),
  row('fc00::/7', 'Unique-Local', 'RFC4193', 'False'),
  row('fe80::/10', 'Link-Local Unicast', 'RFC4291', 'False'),
];

function row(
  block: string,
  name: string,
  rfc: string,
  globallyReachable: SpecialPurposeBlock['globallyReachable'],
): SpecialPurposeBlock {
  return { block, name, rfc, globallyReachable };
}
