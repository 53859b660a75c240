import fc from 'fast-check';
import { readPolicy } from '../../test/fixtures/object-fixture.ts';
import { parseAllowedPattern, parseNamePattern } from './domain-name.ts';
import { ANY_NAME_PATTERN, countDestinations, DOMAIN_PATTERN } from './network-policy.ts';

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
        fc.pre('pattern' in parseAllowedPattern(`${front}${name}`));
        expect(`${front}${name}`).toMatch(apiServerPattern);
      }),
      { numRuns: 500 },
    );
  });
});

describe('ANY_NAME_PATTERN', () => {
  const anyName = new RegExp(ANY_NAME_PATTERN, 'u');

  it.each(['zip', '*.zip', '*.com', 'co.uk', 'jira', '*.corp', '*.s3.amazonaws.com', 'EXAMPLE.com.', '*.рф'])(
    'lets %s pass',
    (text) => {
      expect(anyName.test(text)).toBe(true);
    },
  );

  it.each(['*', '*.', '*.*', '*zip', '192.0.2.7', '127.1', '::1', 'a b', 'https://x/', 'zip:443', '', '.'])(
    'stops %j at the API server',
    (text) => {
      expect(anyName.test(text)).toBe(false);
    },
  );

  it('stops no plain name that our own parse accepts, of one label or more', () => {
    fc.assert(
      fc.property(fc.domain(), fc.constantFrom('', '*.'), fc.nat(2), (name, front, from) => {
        const text = `${front}${name.split('.').slice(from).join('.')}`;
        fc.pre('pattern' in parseNamePattern(text));
        expect(text).toMatch(anyName);
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
