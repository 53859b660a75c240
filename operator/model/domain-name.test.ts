import fc from 'fast-check';
import {
  formatPattern,
  type NameFault,
  type ParsedPattern,
  parseAllowedPattern,
  parseDomainName,
  parseNamePattern,
  parsePrivatePattern,
} from './domain-name.ts';

function nameOf(raw: string): string {
  const parsed = parseDomainName(raw);
  return 'name' in parsed ? parsed.name : parsed.fault;
}

function patternOf(raw: string, parse: (raw: string) => ParsedPattern = parseAllowedPattern): string {
  const parsed = parse(raw);
  return 'pattern' in parsed ? formatPattern(parsed.pattern) : parsed.fault;
}

const LABEL_63 = 'a'.repeat(63);
const NAME_253 = [LABEL_63, LABEL_63, LABEL_63, 'a'.repeat(61)].join('.');

describe('parseDomainName()', () => {
  it.each([
    ['EXAMPLE.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['ｅxample.com', 'example.com'],
    ['example。com', 'example.com'],
    ['еxample.com', 'xn--xample-2of.com'],
    ['faß.de', 'xn--fa-hia.de'],
    ['localhost', 'localhost'],
    [NAME_253, NAME_253],
  ])('reads %s as %s', (raw, name) => {
    expect(parseDomainName(raw)).toEqual({ name });
  });

  it.each<[NameFault, string]>([
    ['EMPTY', ''],
    ['EMPTY', '.'],
    ['BAD_NAME', '..'],
    ['BAD_NAME', '*'],
    ['BAD_NAME', '*.example.com'],
    ['BAD_NAME', 'a..b'],
    ['BAD_NAME', 'example.com..'],
    ['BAD_NAME', 'evil.com%2edata.example.org'],
    ['BAD_NAME', 'evil.com\0.data.example.org'],
    ['BAD_NAME', '_dmarc.data.example.org'],
    ['BAD_NAME', 'exa mple.com'],
    ['BAD_NAME', 'example.com\t'],
    ['BAD_NAME', 'example.com\r\nhost: evil.example'],
    ['BAD_NAME', '-a.example'],
    ['BAD_NAME', 'a-.example'],
    ['BAD_NAME', 'example.com:443'],
    ['BAD_NAME', 'user@example.com'],
    ['BAD_NAME', `${LABEL_63}a.example`],
    ['BAD_NAME', `${NAME_253}a`],
    ['BAD_NAME', 'xn--'],
    ['BAD_NAME', 'xn--a'],
    ['BAD_NAME', 'xn--a.example'],
    ['BAD_NAME', '\ud800.example'],
    ['IP_LITERAL', '1.2.3.4'],
    ['IP_LITERAL', '127.1'],
    ['IP_LITERAL', '2852039166'],
    ['IP_LITERAL', '0xa9fea9fe'],
    ['IP_LITERAL', '0251.0376.0251.0376'],
    ['IP_LITERAL', '１２７.１'],
    ['IP_LITERAL', '[::1]'],
    ['IP_LITERAL', '::ffff:169.254.169.254'],
    ['IP_LITERAL', 'fe80::1%25eth0'],
  ])('finds %s in %j', (fault, raw) => {
    expect(parseDomainName(raw)).toEqual({ fault });
  });

  it('never throws, and reads its own result as the same name', () => {
    const labels = fc.string({ unit: fc.constantFrom(...'aZ0-.xn*_ü。ｅß\u200d') });
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), labels);
    fc.assert(
      fc.property(texts, (raw) => {
        const parsed = parseDomainName(raw);
        expect('name' in parsed ? parseDomainName(parsed.name) : parsed).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  it('gives only labels of letters, digits and hyphens', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (raw) => {
        expect(nameOf(`${raw}.example`)).toMatch(/^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+|[A-Z_]+)$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseAllowedPattern()', () => {
  it.each([
    ['example.com', 'example.com'],
    ['Example.COM.', 'example.com'],
    ['*.example.com', '*.example.com'],
    ['*.EXAMPLE.com.', '*.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.bücher.example', '*.xn--bcher-kva.example'],
    ['user.github.io', 'user.github.io'],
    ['github.io', 'github.io'],
    ['*.user.github.io', '*.user.github.io'],
    // Shared zones are a matter of the entry.
    ['*.github.io', '*.github.io'],
    ['*.s3.amazonaws.com', '*.s3.amazonaws.com'],
    ['acme-data.s3.us-west-2.amazonaws.com', 'acme-data.s3.us-west-2.amazonaws.com'],
  ])('reads %s as %s', (raw, pattern) => {
    expect(patternOf(raw)).toBe(pattern);
  });

  it.each<[NameFault, string, string]>([
    ['EMPTY', '', 'name a domain, for example "example.com"'],
    ['EMPTY', '.', 'name a domain, for example "example.com"'],
    [
      'WILDCARD',
      '*',
      'name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
    ],
    [
      'WILDCARD',
      '*.',
      'name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
    ],
    [
      'WILDCARD',
      '*.*',
      'name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
    ],
    [
      'URL',
      'https://x/',
      'write only the domain name, without scheme, user or path, for example "example.com"',
    ],
    [
      'PORT',
      'example.com:443',
      'write the port under "ports", for example destination "example.com" with ports [{port: 8443}]',
    ],
    ['IP_LITERAL', '192.0.2.7', 'name a domain; addresses are not accepted as destinations'],
    ['IP_LITERAL', '10.0.0.0/8', 'name a domain; addresses are not accepted as destinations'],
    ['IP_LITERAL', '2001:db8::/32', 'name a domain; addresses are not accepted as destinations'],
    [
      'URL',
      'example.com/24',
      'write only the domain name, without scheme, user or path, for example "example.com"',
    ],
    ['SINGLE_LABEL', 'gateway', 'use a full domain name, for example "example.com"'],
    ['BAD_NAME', 'a_b.example', 'use labels of letters, digits and hyphens, for example "data.example.com"'],
    ['IN_CLUSTER', 'kubernetes.default.svc', 'names inside the cluster belong to "clusterAccess"'],
    [
      'PUBLIC_SUFFIX',
      '*.com',
      'anyone can register names under a public suffix; name a domain, for example "*.example.com"',
    ],
  ])('finds %s in %j and names the fix', (fault, raw, fix) => {
    expect(parseAllowedPattern(raw)).toEqual({
      fault,
      message: `Cannot accept destination "${raw}": ${fix}`,
    });
  });

  it.each<[NameFault, readonly string[]]>([
    ['PUBLIC_SUFFIX', ['*.co.uk', '*.uk', 'co.uk', '*.COM.', '*.corp', '*.公司.cn', '*.kawasaki.jp']],
    ['WILDCARD', ['foo.*.com', 'f*o.com', '**.x', '*.*.example.com', 'example.*', '*example.com']],
    ['URL', ['https://example.com/', 'example.com/path', 'user@example.com', '//example.com']],
    ['PORT', ['*.example.com:8443', 'example.com:']],
    ['IP_LITERAL', ['::1', '[::1]', '127.1', '0x7f.1', '10.0.0.0', '169.254.169.254.']],
    ['IN_CLUSTER', ['localhost', 'a.localhost', '*.svc', 'db.prod.svc.cluster.local', '*.cluster.local']],
    ['SINGLE_LABEL', ['com', 'kubernetes']],
    ['BAD_NAME', ['*.-a.example', 'a b.example', '＊.example.com', 'xn--a.example', 'example.com..']],
  ])('finds %s in each of %j', (fault, raws) => {
    expect(raws.map((raw) => patternOf(raw))).toEqual(raws.map(() => fault));
  });

  it('never throws, and reads its own result as the same pattern', () => {
    const texts = fc.string({ unit: fc.constantFrom(...'ab0.*:/@-_x[]') });
    fc.assert(
      fc.property(fc.oneof(texts, fc.domain(), fc.string({ unit: 'binary' })), (raw) => {
        const parsed = parseAllowedPattern(raw);
        expect('pattern' in parsed ? parseAllowedPattern(formatPattern(parsed.pattern)) : parsed).toEqual(
          parsed,
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseNamePattern()', () => {
  it.each([
    ['zip', 'zip'],
    ['*.zip', '*.zip'],
    ['*.com', '*.com'],
    ['co.uk', 'co.uk'],
    ['*.github.io', '*.github.io'],
    ['*.S3.amazonaws.com.', '*.s3.amazonaws.com'],
    ['*.рф', '*.xn--p1ai'],
    ['intranet', 'intranet'],
    ['db.prod.svc', 'db.prod.svc'],
  ])('takes any name: %s is %s', (raw, pattern) => {
    expect(patternOf(raw, parseNamePattern)).toBe(pattern);
  });

  it.each<[NameFault, readonly string[]]>([
    ['EMPTY', ['', '.']],
    ['WILDCARD', ['*', '*.', '*.*', 'foo.*.com', '**.zip', '*zip']],
    ['URL', ['https://example.zip/', 'a@example.com']],
    ['PORT', ['example.zip:443', '*.zip:443']],
    ['IP_LITERAL', ['192.0.2.7', '::1', '127.1', '*.0x7f.1']],
    ['BAD_NAME', ['*.-a', 'a b', 'xn--a', 'example.com..']],
  ])('finds %s in each of %j', (fault, raws) => {
    expect(raws.map((raw) => patternOf(raw, parseNamePattern))).toEqual(raws.map(() => fault));
  });

  it('takes whatever the stricter two take, as the same pattern', () => {
    fc.assert(
      fc.property(fc.domain(), fc.constantFrom('', '*.'), (name, front) => {
        const raw = `${front}${name}`;
        const any = parseNamePattern(raw);
        expect('pattern' in any).toBe(true);
        for (const parse of [parseAllowedPattern, parsePrivatePattern]) {
          const parsed = parse(raw);
          expect('pattern' in parsed ? parsed : any).toEqual(any);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('parsePrivatePattern()', () => {
  it.each(['jira', '*.corp', '*.internal', '*.prod.internal', '*.com', '*.blob.core.windows.net'])(
    'takes %s',
    (raw) => {
      expect(patternOf(raw, parsePrivatePattern)).toBe(raw);
    },
  );

  it.each(['localhost', '*.svc', 'db.prod.svc', '*.cluster.local'])('leaves %s to the cluster', (raw) => {
    expect(patternOf(raw, parsePrivatePattern)).toBe('IN_CLUSTER');
  });
});
