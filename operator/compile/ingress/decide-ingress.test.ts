import fc from 'fast-check';
import { parseAddressRange, rangesContain } from '../../model/address-range.ts';
import type { IngressRules, PlannedList } from '../../model/ingress-plan.ts';
import { decideIngress } from './decide-ingress.ts';

function list(listType: 'ALLOW' | 'BLOCK', ...ipAddresses: string[]): PlannedList {
  return {
    listId: `${listType.toLowerCase()}-list`,
    label: listType,
    listType,
    mode: 'ENFORCED',
    enabled: true,
    ipAddresses,
  };
}

function rules(...lists: PlannedList[]): IngressRules {
  return { enableIpAccessLists: true, lists };
}

const octet = fc.nat(3);
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const ipv6 = fc.tuple(octet, octet, octet).map(([a, b, c]) => `2001:${a}::${b}:${c}`);
const entry = fc
  .oneof(fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })), fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })))
  .map(([address, length]) => `${address}/${length}`);
const someList = fc.record({
  listId: fc.uuid(),
  label: fc.constant('l'),
  listType: fc.constantFrom('ALLOW' as const, 'BLOCK' as const),
  mode: fc.constant('ENFORCED' as const),
  enabled: fc.boolean(),
  ipAddresses: fc.array(entry, { maxLength: 8 }),
});

describe('decideIngress()', () => {
  const OFFICE = list('ALLOW', '1.1.1.1', '2.2.2.2/21', '2001:db8::/32');

  it.each<[string, IngressRules, string, boolean, string]>([
    [
      'R89 disabled',
      { ...rules(list('BLOCK', '0.0.0.0/0')), enableIpAccessLists: false },
      '1.1.1.1',
      true,
      'LISTS_DISABLED',
    ],
    ['no list', rules(), '9.9.9.9', true, 'NO_ALLOW_LIST'],
    ['R93 only block lists', rules(list('BLOCK', '9.9.9.9')), '9.9.9.8', true, 'NO_ALLOW_LIST'],
    ['R91 blocked', rules(list('BLOCK', '9.9.9.9')), '9.9.9.9', false, 'IN_BLOCK_LIST'],
    ['R92 in the allow list', rules(OFFICE), '1.1.1.1', true, 'IN_ALLOW_LIST'],
    ['R86 host bits', rules(OFFICE), '2.2.7.255', true, 'IN_ALLOW_LIST'],
    ['R86 behind the range', rules(OFFICE), '2.2.8.0', false, 'NOT_IN_ALLOW_LIST'],
    ['IPv6', rules(OFFICE), '2001:db8:1::9', true, 'IN_ALLOW_LIST'],
    ['IPv4-mapped', rules(OFFICE), '::ffff:1.1.1.1', true, 'IN_ALLOW_LIST'],
    [
      'IPv4-mapped is in no IPv6 range',
      rules(list('ALLOW', '::/0')),
      '::ffff:1.1.1.1',
      false,
      'NOT_IN_ALLOW_LIST',
    ],
    ['R87 a hole', rules(OFFICE, list('BLOCK', '2.2.2.2')), '2.2.2.2', false, 'IN_BLOCK_LIST'],
    [
      'R87 the same range in both',
      rules(OFFICE, list('BLOCK', '2.2.0.0/21')),
      '2.2.1.1',
      false,
      'IN_BLOCK_LIST',
    ],
    ['R110 a disabled list', rules({ ...OFFICE, enabled: false }), '9.9.9.9', true, 'NO_ALLOW_LIST'],
    ['an empty allow list', rules(list('ALLOW')), '1.1.1.1', false, 'NOT_IN_ALLOW_LIST'],
    ['an unreadable list', { ...rules(OFFICE), unreadableLists: ['x'] }, '1.1.1.1', false, 'LIST_UNREADABLE'],
    ['an unreadable entry', rules(OFFICE, list('BLOCK', '1.1.1')), '1.1.1.1', false, 'LIST_UNREADABLE'],
    ['no address', rules(list('BLOCK', '9.9.9.9')), '1.1.1.1:80', false, 'BAD_ADDRESS'],
    ['a zone', rules(), 'fe80::1%eth0', true, 'NO_ALLOW_LIST'],
    ['a zone of an address that has none', rules(), '2001:db8::1%eth0', false, 'BAD_ADDRESS'],
  ])('%s', (...[, given, address, isAllowed, reason]) => {
    expect(decideIngress(given, address)).toMatchObject({ isAllowed, reason });
  });

  it('names the most specific entry, and of equal ones that of the older list', () => {
    const older = { ...list('ALLOW', '10.0.0.0/8', '10.1.2.3/16'), listId: 'older' };
    const younger = { ...list('ALLOW', '10.1.0.0/16', '10.1.2.0/24'), listId: 'younger' };
    const matchAt = (address: string) => decideIngress(rules(older, younger), address).match;
    expect(matchAt('10.2.0.0')).toMatchObject({ listId: 'older', entry: '10.0.0.0/8' });
    expect(matchAt('10.1.9.9')).toMatchObject({ listId: 'older', entry: '10.1.2.3/16' });
    expect(matchAt('10.1.2.9')).toMatchObject({ listId: 'younger', entry: '10.1.2.0/24' });
  });

  it('says whom a list in dry-run would deny, and denies nobody by it', () => {
    const given = rules(list('ALLOW', '10.0.0.0/8'), { ...list('BLOCK', '10.0.0.1'), mode: 'DRY_RUN' });
    expect(decideIngress(given, '10.0.0.1')).toMatchObject({
      isAllowed: true,
      reason: 'IN_ALLOW_LIST',
      wouldDeny: { isAllowed: false, reason: 'IN_BLOCK_LIST', match: { entry: '10.0.0.1' } },
    });
    expect(decideIngress(given, '10.0.0.2').wouldDeny).toBeUndefined();
    expect(decideIngress(given, '11.0.0.1').wouldDeny).toBeUndefined();
    const onlyDryRun = rules({ ...list('ALLOW', '10.0.0.0/8'), mode: 'DRY_RUN' });
    expect(decideIngress(onlyDryRun, '9.9.9.9')).toMatchObject({
      isAllowed: true,
      reason: 'NO_ALLOW_LIST',
      wouldDeny: { reason: 'NOT_IN_ALLOW_LIST' },
    });
  });

  it('decides as a walk through every range does', () => {
    fc.assert(
      fc.property(fc.array(someList, { maxLength: 6 }), fc.oneof(ipv4, ipv6), (lists, address) => {
        const decision = decideIngress(rules(...lists), address);
        expect(decision.isAllowed).toBe(isAllowedByWalking(lists, address));
        const isIn = decision.match === undefined || contains(decision.match.entry, address);
        expect(isIn).toBe(true);
      }),
      { seed: 13, numRuns: 2000 },
    );
  });

  it('names in dry-run the very callers whom enforcing the lists then denies', () => {
    fc.assert(
      fc.property(fc.array(someList, { maxLength: 6 }), fc.oneof(ipv4, ipv6), (lists, address) => {
        const tried = lists.map((one, at) => (at % 2 === 0 ? { ...one, mode: 'DRY_RUN' as const } : one));
        const now = decideIngress(rules(...tried), address);
        const then = decideIngress(rules(...lists), address);
        if (now.isAllowed) expect(now.wouldDeny).toEqual(then.isAllowed ? undefined : then);
      }),
      { seed: 13, numRuns: 2000 },
    );
  });
});

function isAllowedByWalking(lists: readonly PlannedList[], address: string): boolean {
  const enabled = lists.filter((one) => one.enabled);
  const isIn = (type: string): boolean =>
    enabled.some((one) => one.listType === type && one.ipAddresses.some((entry) => contains(entry, address)));
  if (isIn('BLOCK')) return false;
  return !enabled.some(({ listType }) => listType === 'ALLOW') || isIn('ALLOW');
}

function contains(entry: string, address: string): boolean {
  const parsed = parseAddressRange(entry);
  return 'range' in parsed && rangesContain([parsed.range], address);
}
