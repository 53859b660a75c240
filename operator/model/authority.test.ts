import fc from 'fast-check';
import { AUTHORITY_PATTERN, isPort, parseAskedHost } from './authority.ts';

const AUTHORITY = new RegExp(`^(?:${AUTHORITY_PATTERN})$`);

describe('AUTHORITY_PATTERN', () => {
  it.each([
    'example.com',
    'EXAMPLE.com',
    'a_b.example.com',
    'example.com:1',
    'example.com:65535',
    '192.0.2.7:80',
    '[2001:DB8::7]',
    '[::1]:443',
    '-:443',
  ])('takes %j', (text) => {
    expect(AUTHORITY.test(text)).toBe(true);
  });

  it.each([
    '',
    '.',
    'example.com.',
    '.example.com',
    'a..example.com',
    '-a.example.com',
    'a-.example.com',
    'example.com:',
    'example.com:0',
    'example.com:080',
    'example.com:-1',
    'example.com:+1',
    'example.com:65536',
    'example.com:99999',
    'example.com:80:80',
    'evil.net:x.example.com:8080',
    'user@example.com',
    'exa mple.com',
    'example.com\n',
    'example.com\0',
    'example%2ecom',
    '2001:db8::7',
    '[::1',
    '[192.0.2.7]',
    '[::1]x:80',
    '[::1].example.com:80',
    '[fe80::1%eth0]:80',
    'b\u00fccher.example',
    // Two letters that fold to k and s.
    '\u212aelvin.example',
    'e\u017f.example',
  ])('takes no %j', (text) => {
    expect(AUTHORITY.test(text)).toBe(false);
  });

  it('leaves one place to split at: first and last colon outside brackets are the same', () => {
    const piece = fc.constantFrom('a', 'Z9', '-', '_', '.', ':', '80', '0', '[', ']', '::1', '@', '%', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        fc.pre(AUTHORITY.test(text));
        const behind = text.slice(text.lastIndexOf(']') + 1);
        expect(behind.indexOf(':')).toBe(behind.lastIndexOf(':'));
        expect(text.lastIndexOf('[')).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parseAskedHost()', () => {
  it.each([
    ['EXAMPLE.com.', { name: 'example.com' }],
    ['xn--a.example', { name: 'xn--a.example' }],
    ['_dmarc.example.com', { name: '_dmarc.example.com' }],
    ['192.0.2.7', { fault: 'IP_LITERAL' }],
    ['192.0.2.7.', { fault: 'IP_LITERAL' }],
    ['0x7f.1', { fault: 'BAD_NAME' }],
    ['2852039166', { fault: 'BAD_NAME' }],
    ['192.0.2.07', { fault: 'BAD_NAME' }],
    ['192.0.2.256', { fault: 'BAD_NAME' }],
    ['example.7', { fault: 'BAD_NAME' }],
    ['0x7f.example', { name: '0x7f.example' }],
    ['[::1]', { fault: 'IP_LITERAL' }],
    ['example.com..', { fault: 'BAD_NAME' }],
    ['example.com:80', { fault: 'BAD_NAME' }],
    ['-', { fault: 'BAD_NAME' }],
    ['', { fault: 'BAD_NAME' }],
    [`${'a'.repeat(64)}.example`, { fault: 'BAD_NAME' }],
    [`${'a.'.repeat(127)}b`, { fault: 'BAD_NAME' }],
  ])('reads %j as %j', (host, parsed) => {
    expect(parseAskedHost(host)).toEqual(parsed);
  });

  it('is quick about text without end', () => {
    // With time that grows by the square this would be hours.
    for (const unit of ['a', 'a.', 'a-', '-', '[', ':']) {
      expect(parseAskedHost(unit.repeat(1_000_000))).toHaveProperty('fault');
    }
  });
});

test.each([
  [1, true],
  [65_535, true],
  [0, false],
  [65_536, false],
  [1.5, false],
  [Number.NaN, false],
])('isPort() of %j is %j', (port, answer) => {
  expect(isPort(port)).toBe(answer);
});
