// Addresses that no name may lead to, by the registries of IANA (special-purpose addresses, multicast) and by what
// cloud providers document of their metadata services; and the ways to write one inside another. Kept apart from the
// product's own tables on purpose: what one of them lacks, the other may have.
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';

/** Special-purpose IPv4 ranges. */
const FOUR = [
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
  '255.255.255.255/32',
];

/** And IPv6 ones. */
const SIX = [
  '::/128',
  '::1/128',
  '::ffff:0:0/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/32',
  '2001:2::/48',
  '2001:10::/28',
  '2001:20::/28',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** Metadata and platform addresses of AWS (with ECS and EKS), Azure, Google, Oracle, Alibaba, IBM and DigitalOcean. */
const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
];

export type Special = { readonly family: 4 | 6; readonly address: string };

const inRange = (range: string): fc.Arbitrary<Special> => {
  const [network, length] = ipaddr.parseCIDR(range);
  const bytes = network.toByteArray();
  const random = fc.uint8Array({ minLength: bytes.length, maxLength: bytes.length });
  const filling = fc.oneof(
    random,
    fc.constant(new Uint8Array(16)),
    fc.constant(new Uint8Array(16).fill(255)),
  );
  return filling.map((fill) => {
    const filled = bytes.map((byte, at) => {
      const mask = 0xff & (0xff00 >> Math.min(8, Math.max(0, length - 8 * at)));
      return (byte & mask) | ((fill[at] ?? 0) & ~mask & 0xff);
    });
    return special(ipaddr.fromByteArray(filled).toString());
  });
};

function special(address: string): Special {
  return { address, family: address.includes(':') ? 6 : 4 };
}

const EMBEDDINGS: Readonly<Record<string, (hex: string) => string>> = {
  mapped: (hex) => `::ffff:${hex}`,
  compatible: (hex) => `::${hex}`,
  translated: (hex) => `64:ff9b::${hex}`,
  'translated locally': (hex) => `64:ff9b:1::${hex}`,
  'six to four': (hex) => `2002:${hex}::1`,
};

const four = fc.oneof(
  ...FOUR.map(inRange),
  fc.constantFrom(...METADATA.filter((one) => !one.includes(':'))).map(special),
);

const embedded = fc
  .tuple(four, fc.constantFrom(...Object.values(EMBEDDINGS)))
  .map(([{ address }, write]) => special(ipaddr.parse(write(hexOf(address))).toString()));

function hexOf(address: string): string {
  return ipaddr.IPv4.parse(address)
    .toIPv4MappedAddress()
    .parts.slice(-2)
    .map((part) => part.toString(16))
    .join(':');
}

/** Shut in dry-run too. */
export const metadataAddress: fc.Arbitrary<Special> = fc.constantFrom(...METADATA).map(special);

/** Any address that an enforced lane never dials. */
export const specialAddress: fc.Arbitrary<Special> = fc.oneof(
  { weight: 4, arbitrary: four },
  { weight: 4, arbitrary: fc.oneof(...SIX.map(inRange)) },
  { weight: 2, arbitrary: metadataAddress },
  { weight: 3, arbitrary: embedded },
);

/** The same address as other parsers would read it. */
export function spellings({ family, address }: Special): readonly string[] {
  if (family === 6)
    return [
      `[${address}]`,
      `[${ipaddr.parse(address).toNormalizedString()}]`,
      `[${address.toUpperCase()}]`,
      `[${address}%25eth0]`,
    ];
  const parts = address.split('.').map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  return [
    address,
    `${address}.`,
    `${number}`,
    `0x${number.toString(16)}`,
    parts.map((part) => `0x${part.toString(16)}`).join('.'),
    parts.map((part) => `0${part.toString(8)}`).join('.'),
    parts.map((part) => `${part}`.padStart(3, '0')).join('.'),
    `${a}.${b}.${c * 256 + d}`,
    `[::ffff:${address}]`,
  ];
}
