import { rangesContain } from './address-range.ts';
import { GUARDED_RANGES, isMetadataHost, METADATA_RANGES } from './special-address.ts';

describe('GUARDED_RANGES', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.0.0.8',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
    'fd00:ec2::254',
    'fe80::1',
    'ff02::1',
  ])('hold %s', (address) => {
    expect(rangesContain(GUARDED_RANGES, address)).toBe(true);
  });

  it.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.1.0.1', '2606:4700::1111'])(
    'leave the public address %s out',
    (address) => {
      expect(rangesContain(GUARDED_RANGES, address)).toBe(false);
    },
  );
});

describe('METADATA_RANGES', () => {
  it('hold each metadata address alone, and the IPv6 addresses that lead to it', () => {
    expect(METADATA_RANGES.map(({ address, prefixLength }) => `${address}/${prefixLength}`)).toEqual([
      '169.254.169.254/32',
      '::ffff:a9fe:a9fe/128',
      '64:ff9b::a9fe:a9fe/128',
      '100.100.100.200/32',
      '::ffff:6464:64c8/128',
      '64:ff9b::6464:64c8/128',
      'fd00:ec2::254/128',
    ]);
  });
});

describe('isMetadataHost()', () => {
  it.each([
    'metadata.google.internal',
    'metadata.goog',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '100.100.100.200',
  ])('knows %s', (host) => {
    expect(isMetadataHost(host)).toBe(true);
  });

  it.each(['google.internal', 'a.metadata.google.internal', '169.254.169.253', '', 'metadata'])(
    'does not take %j for one',
    (host) => {
      expect(isMetadataHost(host)).toBe(false);
    },
  );
});
