import fc from 'fast-check';
import {
  addressBits,
  addressText,
  formatRange,
  isIpLiteral,
  parseAddressRange,
  plainAddress,
  rangesContain,
  rangesCover,
  withoutIpv4Mapped,
} from './address-range.ts';

const IPV4_HINT = 'write an address such as "192.0.2.7" or a range such as "192.0.2.0/24"';

function canonical(text: string): string {
  const parsed = parseAddressRange(text);
  return 'range' in parsed ? formatRange(parsed.range) : parsed.message;
}

function isInside(range: string, address: string): boolean {
  const parsed = parseAddressRange(range);
  return 'range' in parsed && rangesContain([parsed.range], address);
}

describe('parseAddressRange()', () => {
  it.each([
    ['1.1.1.1', '1.1.1.1/32'],
    ['2.2.2.2/21', '2.2.0.0/21'],
    ['216.58.195.78/28', '216.58.195.64/28'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::1', '::1/128'],
    ['2001:DB8::1/32', '2001:db8::/32'],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1/128'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1/128'],
    ['::/0', '::/0'],
  ])('reads %s as %s', (text, range) => {
    expect(canonical(text)).toBe(range);
  });

  it.each([
    '',
    ' ',
    '1',
    '1.1.1',
    '010.0.0.1',
    '0x0a.1',
    '0x0a.0.0.1',
    '256.0.0.1',
    ' 1.1.1.1',
    '1.1.1.1 ',
    '1.1.1.1\n',
    '1.1.1.1/24/1',
    '1.1.1.1-1.1.1.9',
    'example.com',
    '[::1]',
    'fe80::1%eth0',
    '1::2::3',
    '00001::',
    '64:ff9b::010.0.0.1',
    '64:ff9b::0x1.1.1.1',
    '::ffff:010.0.0.1',
  ])('rejects %j, which is no address', (text) => {
    expect(parseAddressRange(text)).toEqual({ message: `Cannot accept address "${text}": ${IPV4_HINT}` });
  });

  it.each([
    ['10.0.0.1/08', 32],
    ['1.1.1.1/33', 32],
    ['1.1.1.1/-1', 32],
    ['1.1.1.1/', 32],
    ['1.1.1.1/255.255.255.0', 32],
    ['1.1.1.1/ 8', 32],
    ['::/129', 128],
  ])('rejects %s for its prefix length', (text, bits) => {
    expect(parseAddressRange(text)).toEqual({
      message: `Cannot accept address "${text}": the part behind "/" is a number from 0 to ${bits}`,
    });
  });

  it('asks for the IPv4 form of an IPv4-mapped address', () => {
    expect(parseAddressRange('::ffff:1.2.3.4')).toEqual({
      message: 'Cannot accept address "::ffff:1.2.3.4": write the IPv4 form, "1.2.3.4"',
    });
  });

  it('never throws', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789abcdefx:./%[]- ') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), digits, fc.ipV6(), fc.ipV4Extended()), (text) => {
        expect(Object.keys(parseAddressRange(text))).toHaveLength(1);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads its own canonical form as the same range', () => {
    const addresses = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
      fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(
      fc.property(addresses, ([address, length]) => {
        const first = parseAddressRange(`${address}/${length}`);
        fc.pre('range' in first);
        expect(parseAddressRange(canonical(`${address}/${length}`))).toEqual(first);
      }),
      { numRuns: 500 },
    );
  });
});

describe('isIpLiteral()', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0251.0376.0251.0376',
    '1.2.3.4.',
    '::1',
  ])('knows %s as an address', (text) => {
    expect(isIpLiteral(text)).toBe(true);
  });

  it.each([
    '[::1]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    'fe80::1%25eth0',
    '999.999.999.999',
    'a.0x',
  ])('knows %s as an address that a resolver may take for one', (text) => {
    expect(isIpLiteral(text)).toBe(true);
  });

  it.each(['example.com', '1.2.3.4.example', '3com.com', 'beef.cafe', ''])(
    'knows %j as no address',
    (text) => {
      expect(isIpLiteral(text)).toBe(false);
    },
  );
});

describe('rangesCover()', () => {
  it.each([
    [['10.0.0.0/8'], ['10.1.0.0/16', '10.2.0.0/16'], true],
    [['10.1.0.0/16'], ['10.0.0.0/8'], false],
    [['10.0.0.0/8'], ['10.1.0.0/16', '192.168.0.0/16'], false],
    [['2001:db8::/32'], ['2001:db8:1::/48'], true],
    [['0.0.0.0/0'], ['2001:db8::/32'], false],
    [[], [], true],
  ])('says whether %j cover %j: %s', (outer, inner, expected) => {
    const parse = (texts: readonly string[]) =>
      texts.map(parseAddressRange).flatMap((parsed) => ('range' in parsed ? [parsed.range] : []));
    expect(rangesCover(parse(outer), parse(inner))).toBe(expected);
  });
});

describe('rangesContain()', () => {
  it.each([
    ['2.2.2.2/21', '2.2.0.0', true],
    ['2.2.2.2/21', '2.2.7.255', true],
    ['2.2.2.2/21', '2.2.8.0', false],
    ['2.2.2.2/21', '2.1.255.255', false],
    ['1.1.1.1', '::ffff:1.1.1.1', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '1.1.1.1', false],
    ['10.0.0.0/8', '010.0.0.1', false],
    ['10.0.0.0/8', 'unknown', false],
  ])('says whether %s holds %s: %s', (range, address, expected) => {
    expect(isInside(range, address)).toBe(expected);
  });

  it('holds nothing where there is no range', () => {
    expect(rangesContain([], '1.1.1.1')).toBe(false);
  });
});

test('addressBits() takes what parseAddressRange() takes, and its text is the same again', () => {
  const almost = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc
      .array(fc.constantFrom('0', '01', '7', '10', '99', '255', '256', '1000', '', ' 1', '+1'), {
        maxLength: 6,
      })
      .map((parts) => parts.join('.')),
  );
  fc.assert(
    fc.property(almost, (text) => {
      const parsed = parseAddressRange(text);
      const bits = addressBits(text);
      const isMapped = 'message' in parsed && parsed.message.includes('write the IPv4 form');
      expect(bits !== undefined).toBe('range' in parsed || isMapped);
      if ('range' in parsed) expect(addressText(bits ?? 0)).toBe(parsed.range.address);
    }),
    { seed: 13, numRuns: 1000 },
  );
});

test('withoutIpv4Mapped() leaves out the mapped addresses and nothing else', () => {
  const lengths = fc.integer({ min: 0, max: 128 });
  const near = fc.constantFrom('::', '::fffe:0:0', '::1:0:0:0', '8000::', '2001:db8::');
  const inRange = (
    { address, prefixLength }: { address: string; prefixLength: number },
    bits: bigint,
  ): boolean => (BigInt(addressBits(address) ?? 0n) ^ bits) >> BigInt(128 - prefixLength) === 0n;
  fc.assert(
    fc.property(
      near,
      lengths,
      fc.oneof(fc.bigInt(0n, 2n ** 128n - 1n), fc.bigInt(0n, 2n ** 50n)),
      (start, length, bits) => {
        const parsed = parseAddressRange(`${start}/${length}`);
        if (!('range' in parsed)) return;
        const isMapped = bits >> 32n === 0xffffn;
        const isIn = withoutIpv4Mapped(parsed.range).some((part) => inRange(part, bits));
        expect(isIn).toBe(inRange(parsed.range, bits) && !isMapped);
      },
    ),
    { seed: 13, numRuns: 1000 },
  );
  expect(withoutIpv4Mapped({ family: 6, address: '::', prefixLength: 0 })).toHaveLength(96);
});

test('an IPv4-compatible IPv6 address is no IPv4 address, however it is spelled', () => {
  for (const text of ['::1.2.3.4', '::102:304', '0:0:0:0:0:0:1.2.3.4']) {
    expect([text, addressBits(text)]).toEqual([text, 0x01020304n]);
    expect(plainAddress(text)).toBe('::102:304');
  }
  expect(addressBits('::ffff:1.2.3.4')).toBe(0x01020304);
  expect(parseAddressRange('::1.2.3.4/120')).toEqual({
    range: { family: 6, address: '::102:300', prefixLength: 120 },
  });
});
