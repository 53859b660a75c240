import fc from 'fast-check';
import {
  type AddressRange,
  formatRange,
  parseAddressRange,
  rangesContain,
} from '../../model/address-range.ts';
import {
  cidrRanges,
  dryRunGuard,
  enforcedGuard,
  mergeRanges,
  privateGuard,
  subtractRanges,
} from './address-guard.ts';

function range(text: string): AddressRange {
  const parsed = parseAddressRange(text);
  if ('range' in parsed) return parsed.range;
  throw new Error(parsed.message);
}

const isMapped = (address: string): boolean => 'message' in parseAddressRange(address);

// Narrow families, so that random ranges and addresses meet.
const ipv4 = fc
  .tuple(fc.constantFrom(10, 11, 128), fc.nat(3), fc.nat(255), fc.nat(255))
  .map((bytes) => bytes.join('.'));
const ipv6 = fc
  .tuple(fc.constantFrom('2001', 'fd00'), fc.nat(3), fc.nat(0xffff))
  .map(([a, b, c]) => `${a}:${b}::${c.toString(16)}`);
const addresses = fc.oneof(ipv4, ipv6);
const ranges = fc.array(
  fc.oneof(
    fc.tuple(ipv4, fc.integer({ min: 4, max: 32 })).map(([address, length]) => range(`${address}/${length}`)),
    fc
      .tuple(ipv6, fc.integer({ min: 4, max: 128 }))
      .map(([address, length]) => range(`${address}/${length}`)),
  ),
  { maxLength: 4 },
);

describe('subtractRanges()', () => {
  it('covers exactly what the ranges cover and the holes do not', () => {
    fc.assert(
      fc.property(
        ranges,
        ranges,
        fc.array(addresses, { minLength: 5, maxLength: 20 }),
        (outer, holes, sample) => {
          const left = subtractRanges(outer, holes);
          const corners = [...outer, ...holes, ...left].map(({ address }) => address);
          const expected = [...sample, ...corners].filter(
            (address) => rangesContain(outer, address) && !rangesContain(holes, address),
          );
          expect([...sample, ...corners].filter((address) => rangesContain(left, address))).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    [['10.0.0.0/30'], ['10.0.0.1'], ['10.0.0.0/32', '10.0.0.2/31']],
    [['10.0.0.0/8'], ['10.0.0.0/8'], []],
    [['10.1.0.0/16'], ['10.0.0.0/8'], []],
    [['10.0.0.0/8'], [], ['10.0.0.0/8']],
    [['10.0.0.0/8'], ['192.168.0.0/16', '::/0'], ['10.0.0.0/8']],
    [[], ['10.0.0.0/8'], []],
    [['0.0.0.0/0'], ['0.0.0.0/1'], ['128.0.0.0/1']],
    [['::/126'], ['::3'], ['::/127', '::2/128']],
  ])('makes of %j without %j: %j', (outer, holes, left) => {
    expect(subtractRanges(outer.map(range), holes.map(range)).map(formatRange)).toEqual(left);
  });
});

describe('mergeRanges()', () => {
  it('covers exactly the same addresses, in no more ranges', () => {
    fc.assert(
      fc.property(ranges, ranges, fc.array(addresses, { maxLength: 20 }), (outer, holes, sample) => {
        const all = [...subtractRanges(outer, holes), ...outer.slice(1), ...holes.slice(1)];
        const merged = mergeRanges(all);
        // Every corner of what came in, and what lies just beyond it in the other half.
        const corners = [...outer, ...holes, ...subtractRanges([...outer, ...holes], all), ...all];
        const probes = [...sample, ...corners.map(({ address }) => address)];
        expect(probes.filter((address) => rangesContain(merged, address))).toEqual(
          probes.filter((address) => rangesContain(all, address)),
        );
        expect(merged.length).toBeLessThanOrEqual(all.length);
        expect(subtractRanges(merged, all)).toEqual([]);
        expect(subtractRanges(all, merged)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    [['10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8'], ['10.0.0.0/8']],
    [['10.0.0.2/31', '10.0.0.1', '10.0.0.0'], ['10.0.0.0/30']],
    [
      ['10.0.1.0/24', '10.0.2.0/24'],
      ['10.0.1.0/24', '10.0.2.0/24'],
    ],
    [
      ['0.0.0.0/1', '128.0.0.0/1', '::/0'],
      ['0.0.0.0/0', '::/0'],
    ],
    [['fe80::/10', 'fec0::/10'], ['fe80::/9']],
    [[], []],
  ])('makes of %j: %j', (all, merged) => {
    expect(mergeRanges(all.map(range)).map(formatRange)).toEqual(merged);
  });
});

const METADATA = ['169.254.169.254', '100.100.100.200', '168.63.129.16', '169.254.170.23', 'fd00:ec2::254'];

function configured(openRanges: readonly AddressRange[]) {
  return { openRanges, denyRanges: [range('192.1.2.0/24')] };
}

describe('enforcedGuard()', () => {
  it('names no cloud metadata service that a range shuts already', () => {
    const all = enforcedGuard({ openRanges: [], denyRanges: [] }).map(formatRange);
    expect(all).toHaveLength(22);
    expect(all).not.toContain('169.254.169.254/32');
  });

  it('shuts what configuration denies, though it is public or opened', () => {
    expect(rangesContain(enforcedGuard(configured([range('192.1.0.0/16')])), '192.1.2.3')).toBe(true);
    expect(rangesContain(privateGuard(['192.1.0.0/16'], configured([])), '192.1.2.3')).toBe(true);
  });

  it('opens the configured ranges and nothing beside them', () => {
    const tunnelCheck = enforcedGuard(configured([range('127.0.7.0/24')]));
    expect(rangesContain(tunnelCheck, '127.0.7.9')).toBe(false);
    expect(rangesContain(tunnelCheck, '127.0.8.1')).toBe(true);
    expect(rangesContain(tunnelCheck, '10.0.0.1')).toBe(true);
    expect(rangesContain(tunnelCheck, '1.1.1.1')).toBe(false);
  });

  it.each(METADATA)('keeps %s shut, even inside a range that is opened', (address) => {
    const everything = [range('0.0.0.0/0'), range('::/0')];
    expect(rangesContain(enforcedGuard(configured(everything)), address)).toBe(true);
    expect(rangesContain(privateGuard(['0.0.0.0/0', '::/0'], configured([])), address)).toBe(true);
  });
});

describe('dryRunGuard()', () => {
  const tunnelCheckOf = (openRanges: readonly AddressRange[], foreign: readonly string[] = []) =>
    dryRunGuard(foreign.map(range), { ...configured(openRanges), ownAddresses: [range('10.9.8.7')] });

  it.each(METADATA)('keeps %s shut, even inside a range that is opened', (address) => {
    expect(rangesContain(tunnelCheckOf([range('0.0.0.0/0'), range('::/0')]), address)).toBe(true);
  });

  it('shuts the IPv6 addresses that a dual-stack socket takes for an IPv4 one of cloud metadata', () => {
    expect(cidrRanges(tunnelCheckOf([]))).toContainEqual({
      address_prefix: '::ffff:a9fe:0',
      prefix_len: 112,
    });
  });

  it.each([
    ['loopback', '127.0.0.1', '127.255.255.255', '::1', '::7f00:1', '64:ff9b::7f00:1', '2002:7f00:1::1'],
    ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
    ['link-local', '169.254.0.1', 'fe80::1'],
    ['its own address', '10.9.8.7', '64:ff9b::a09:807'],
    ['what configuration denies', '192.1.2.3', '64:ff9b::c001:203'],
  ])('shuts %s', (_, ...addresses) => {
    expect(addresses.filter((address) => !rangesContain(tunnelCheckOf([]), address))).toEqual([]);
  });

  it('shuts ranges of private endpoints that the table has no part in', () => {
    expect(rangesContain(tunnelCheckOf([], ['10.20.0.0/16']), '10.20.0.1')).toBe(true);
    expect(rangesContain(tunnelCheckOf([], ['10.20.0.0/16']), '10.21.0.1')).toBe(false);
  });

  it('opens the configured range and nothing beside it', () => {
    const tunnelCheck = tunnelCheckOf([range('127.0.7.0/24')]);
    expect(rangesContain(tunnelCheck, '127.0.7.9')).toBe(false);
    expect(rangesContain(tunnelCheck, '127.0.8.1')).toBe(true);
  });

  it.each(['10.0.0.1', '192.168.1.1', 'fd00::1', '1.1.1.1', '168.63.129.17'])('leaves %s open', (address) => {
    expect(rangesContain(tunnelCheckOf([]), address)).toBe(false);
  });
});

describe('privateGuard()', () => {
  it('shuts everything but its own ranges', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        fc.pre(!isMapped(address));
        const own = ['10.20.0.0/16', 'fd12:3456::/32'];
        expect(rangesContain(privateGuard(own, configured([])), address)).toBe(
          !rangesContain(own.map(range), address),
        );
      }),
    );
  });

  it('shuts everything where it has no range, or one that cannot be read', () => {
    expect(privateGuard([], configured([])).slice(0, 2).map(formatRange)).toEqual(['0.0.0.0/0', '::/0']);
    expect(privateGuard(['010.0.0.0/8'], configured([]))).toEqual(privateGuard([], configured([])));
  });
});
