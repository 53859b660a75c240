import fc from 'fast-check';
import { readPolicy } from '../../test/fixtures/object-fixture.ts';
import { parseNamePattern } from './domain-name.ts';
import { countDestinations, DOMAIN_PATTERN } from './network-policy.ts';

const apiServerPattern = new RegExp(DOMAIN_PATTERN, 'u');

describe('DOMAIN_PATTERN', () => {
  it.each([
    'example.com',
    'EXAMPLE.com.',
    '*.example.com',
    'a.b.c.example.org',
    '3com.example',
    'bücher.example',
    'ｅxample.com',
    'xn--bcher-kva.example',
    `${'a'.repeat(63)}.example`,
  ])('lets %s pass', (text) => {
    expect(apiServerPattern.test(text)).toBe(true);
  });

  it.each([
    '*',
    '*.',
    '*.*',
    '*.com',
    'foo.*.com',
    'f*o.com',
    '**.x',
    'https://example.com/',
    'example.com:443',
    'user@example.com',
    '192.0.2.7',
    '127.1',
    '0x7f.0x1',
    '::1',
    'localhost',
    'a_b.example',
    '-a.example',
    'a-.example',
    'a b.example',
    'example.com\n',
    '.',
    '',
    `${'a'.repeat(64)}.example`,
  ])('stops %j at the API server', (text) => {
    expect(apiServerPattern.test(text)).toBe(false);
  });

  it('stops no plain domain name that our own parse accepts', () => {
    fc.assert(
      fc.property(fc.domain(), fc.constantFrom('', '*.'), (name, front) => {
        fc.pre('pattern' in parseNamePattern(`${front}${name}`));
        expect(`${front}${name}`).toMatch(apiServerPattern);
      }),
      { numRuns: 500 },
    );
  });
});

describe('countDestinations()', () => {
  const destination = 'example.com';

  it('counts allowed internet and storage destinations as written, blocked ones not', () => {
    const storage = { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' };
    const policy = readPolicy({
      allowedInternetDestinations: [{ destination }, { destination }],
      allowedStorageDestinations: [storage],
      blockedInternetDestinations: [{ destination }],
    });
    expect(countDestinations(policy.spec.egress.networkAccess)).toBe(3);
  });

  it('counts absent lists as empty', () => {
    expect(countDestinations({})).toBe(0);
  });
});
