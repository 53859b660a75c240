import ipaddr from 'ipaddr.js';
import { type AddressRange, formatRange, parseAddressRange, rangesContain } from './address-range.ts';
import { METADATA_SERVICES } from './cloud-metadata.ts';
import { HIDING_RANGES, isMetadataHost, METADATA_RANGES, NON_PUBLIC_RANGES } from './special-address.ts';
import { REGISTRY_DATE, SPECIAL_PURPOSE_BLOCKS } from './special-purpose-registry.ts';

function canonical({ family, address, prefixLength }: AddressRange): string {
  const network = family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${network.networkAddressFromCIDR(`${address}/${prefixLength}`).toString()}/${prefixLength}`;
}

it.each(
  [...NON_PUBLIC_RANGES, ...METADATA_RANGES, ...HIDING_RANGES].map((range) => [formatRange(range), range]),
)('the built-in range %s begins with its own first address', (text, range) => {
  expect(canonical(range as AddressRange)).toBe(
    ipaddr
      .parseCIDR(text as string)
      .map(String)
      .join('/'),
  );
});

describe('SPECIAL_PURPOSE_BLOCKS', () => {
  it('are the 26 IPv4 and 25 IPv6 blocks of the registries of their date, each once', () => {
    const blocks = SPECIAL_PURPOSE_BLOCKS.map(({ block }) => block);
    expect(REGISTRY_DATE).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect([blocks.filter((block) => block.includes('.')).length, new Set(blocks).size]).toEqual([26, 51]);
  });

  it('cite an RFC each', () => {
    expect(SPECIAL_PURPOSE_BLOCKS.filter(({ rfc }) => !/^RFC\d+$/.test(rfc))).toEqual([]);
  });
});

describe('GUARDED_RANGES', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:169.254.169.254',
    '::ffff:0:a00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '100:0:0:1::1',
    '2001:2::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:a9fe:a9fe::',
    '3fff::1',
    '4000::1',
    '5f00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
  ])('hold %s', (address) => {
    expect(rangesContain(NON_PUBLIC_RANGES, address) || rangesContain(mappedOf(address), address)).toBe(true);
  });

  it.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.1.0.1', '2606:4700::1111', '3ffe::1'])(
    'leave the public address %s out',
    (address) => {
      expect(rangesContain(NON_PUBLIC_RANGES, address)).toBe(false);
    },
  );
});

/** A mapped address is compared as the IPv4 address that it is. */
function mappedOf(address: string): readonly AddressRange[] {
  return 'message' in parseAddressRange(address)
    ? NON_PUBLIC_RANGES.filter(({ family }) => family === 4)
    : [];
}

describe('METADATA_SERVICES', () => {
  it('name their document each, and hold what the clouds document', () => {
    expect(METADATA_SERVICES.filter(({ source }) => !source.startsWith('https://'))).toEqual([]);
    const providers = new Set(METADATA_SERVICES.map(({ provider }) => provider));
    expect([...providers]).toEqual(
      expect.arrayContaining([
        'AWS',
        'Azure',
        'Google Cloud',
        'Oracle Cloud',
        'Alibaba Cloud',
        'IBM Cloud',
        'DigitalOcean',
      ]),
    );
  });
});

describe('METADATA_RANGES', () => {
  it.each(METADATA_SERVICES.flatMap(({ addresses }) => addresses))(
    'hold %s, and not its neighbour',
    (address) => {
      const own = METADATA_RANGES.filter((range) => range.address === address);
      expect(own.map(({ prefixLength }) => prefixLength)).toEqual(
        own.map(({ family }) => (family === 4 ? 32 : 128)),
      );
      expect(own.length).toBeGreaterThan(0);
    },
  );

  it('hold every spelling of an IPv4 address in an IPv6 one', () => {
    const texts = METADATA_RANGES.map(formatRange);
    expect(texts).toEqual(
      expect.arrayContaining([
        '169.254.169.254/32',
        '::ffff:a9fe:a9fe/128',
        '::a9fe:a9fe/128',
        '::ffff:0:a9fe:a9fe/128',
        '64:ff9b::a9fe:a9fe/128',
        '64:ff9b:1::a9fe:a9fe/128',
        '64:ff9b:1:a9fe:a9:fe00::/88',
        '2002:a9fe:a9fe::/48',
      ]),
    );
  });
});

describe('isMetadataHost()', () => {
  it.each([
    'metadata.google.internal',
    'metadata.google.internal.',
    'Metadata.Google.Internal...',
    'METADATA.GOOG',
    'api.metadata.cloud.ibm.com',
    'metadata.tencentyun.com..',
    '169.254.169.254',
    '169.254.170.23',
    '168.63.129.16',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[0:0:0:0:0:0:a9fe:a9fe]',
    '100.100.100.200',
    '192.0.0.192',
  ])('knows %s', (host) => {
    expect(isMetadataHost(host)).toBe(true);
  });

  it.each([
    'google.internal',
    'a.metadata.google.internal',
    '169.254.169.252',
    '168.63.129.17',
    '',
    'metadata',
  ])('does not take %j for one', (host) => {
    expect(isMetadataHost(host)).toBe(false);
  });
});
