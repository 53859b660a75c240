import fc from 'fast-check';
import { inboundText, sampleList, samplePlan } from '../../../test/fixtures/inbound-fixture.ts';
import { decideIngress } from '../../compile/ingress/decide-ingress.ts';
import type { UnnumberedInboundDenial } from '../../model/inbound-denial.ts';
import { inboundRuleName, parseInboundLine, type WrittenInboundLine } from '../../model/inbound-line.ts';
import type { IngressDecision, IngressVerdict } from '../../model/ingress-decision.ts';
import type { IngressPlan, PlannedList } from '../../model/ingress-plan.ts';
import { inboundDenialOfLine } from './inbound-denial-of-line.ts';
import { PlanHistory } from './plan-history.ts';

const PARTNERS = sampleList('partners', 'BLOCK', ['192.0.2.0/24', '192.0.2.7/32']);
const PLAN = samplePlan('analytics', { lists: [PARTNERS] });

function denialOf(changes: Partial<WrittenInboundLine> = {}, plans: readonly IngressPlan[] = [PLAN]) {
  const history = new PlanHistory();
  history.remember(plans);
  const line = parseInboundLine(inboundText(changes));
  if (line === undefined) throw new Error('The line cannot be read');
  return inboundDenialOfLine(line, { accountId: 'acme', eventId: 'gw/access-000001/0' }, history);
}

test('a denied request becomes a row with the entry that decided', () => {
  expect(denialOf()).toEqual({
    accountId: 'acme',
    workspaceId: 'id-of-analytics',
    eventId: 'gw/access-000001/0',
    eventTime: '2026-01-02T03:04:05.678Z',
    source: { ip: '192.0.2.7' },
    requestPath: '/api/2.0/clusters/list',
    authenticatedAs: null,
    policyOutcome: 'DENY',
    ruleLabel: 'label of partners',
    workspace: 'analytics',
    listId: 'partners',
    entry: '192.0.2.7/32',
    reason: 'IN_BLOCK_LIST',
    host: 'analytics.example',
    method: 'GET',
    status: 403,
    protocol: 'HTTP/1.1',
    listener: 'ingress',
    proxy: null,
    revision: 'r1',
    repeats: 1,
    sample: null,
    lost: 0,
  });
});

test.each<[string, Partial<WrittenInboundLine>]>([
  ['an allowed request', { enforced: 'IN_ALLOW_LIST:office', code: 200 }],
  ['an allowed request that the server itself denied', { enforced: 'NO_ALLOW_LIST', code: 403 }],
  ['a request while the lists do not apply', { enforced: '', code: 403 }],
  ['a request that a list in dry-run would allow', { enforced: 'NO_ALLOW_LIST', shadow: 'IN_ALLOW_LIST:x' }],
])('%s leaves no row', (_what, changes) => {
  expect(denialOf(changes)).toBeUndefined();
});

test.each<[string, Partial<WrittenInboundLine>, string | null]>([
  ['a client that its proxy does not name', { source: '100::1', peer: '10.0.0.1' }, '10.0.0.1'],
  ['a client of /authorize that its proxy does not name', { source: '', peer: '10.0.0.1' }, '10.0.0.1'],
  ['connections that were closed unread', { source: '', peer: '' }, null],
])('%s has no address in its row', (_what, changes, proxy) => {
  expect(denialOf({ ...changes, enforced: 'BAD_ADDRESS' })).toMatchObject({ source: { ip: null }, proxy });
});

test('a request that Envoy denies for lack of memory has a row', () => {
  const overloaded = { enforced: '', workspace: '', details: 'overload', code: 503 } as const;
  expect(denialOf(overloaded)).toMatchObject({ reason: 'GATEWAY_OVERLOADED', status: 503, workspace: null });
  expect(denialOf({ ...overloaded, listener: 'authorize' })).toBeUndefined();
});

test('who is denied anyway is no dry-run denial, and who is allowed may be one', () => {
  const trial = sampleList('trial', 'BLOCK', ['192.0.2.7'], { mode: 'DRY_RUN' });
  const plan = samplePlan('analytics', { lists: [trial] });
  const both = { enforced: 'NO_ALLOW_LIST', shadow: 'IN_BLOCK_LIST:trial', code: 200 };
  expect(denialOf(both, [plan])).toMatchObject({
    policyOutcome: 'DENY_DRY_RUN',
    listId: 'trial',
    entry: '192.0.2.7',
    status: 200,
  });
  expect(denialOf({ shadow: 'IN_BLOCK_LIST:trial' })).toMatchObject({ policyOutcome: 'DENY' });
});

test.each<[string, Partial<WrittenInboundLine>, object]>([
  ['another revision', { revision: 'r0' }, { listId: 'partners', entry: null, ruleLabel: null }],
  ['another workspace', { workspace: 'sales' }, { listId: 'partners', entry: null, ruleLabel: null }],
  ['another list', { enforced: 'IN_BLOCK_LIST:x' }, { listId: 'x', entry: null, ruleLabel: null }],
  ['an address in none', { source: '198.51.100.1' }, { entry: null, ruleLabel: 'label of partners' }],
  ['no address', { source: 'a"b' }, { entry: null, source: { ip: 'a"b' } }],
  ['no list', { enforced: 'NOT_IN_ALLOW_LIST' }, { listId: null, entry: null, ruleLabel: null }],
])('of %s no entry is guessed', (_what, changes, expected) => {
  expect(denialOf(changes)).toMatchObject(expected);
});

test('addresses are canonical, and a proxy is named', () => {
  const mapped = { source: '::ffff:192.0.2.7', peer: '2001:DB8:0::1' };
  expect(denialOf(mapped)).toMatchObject({
    source: { ip: '192.0.2.7' },
    proxy: '2001:db8::1',
    entry: '192.0.2.7/32',
  });
  expect(denialOf({ source: '::ffff:192.0.2.7', peer: '192.0.2.7' })?.proxy).toBeNull();
});

const octet = fc.integer({ min: 0, max: 3 });
const address = fc.tuple(octet, octet).map(([a, b]) => `10.0.${a}.${b}`);
const entry = fc.tuple(address, fc.integer({ min: 22, max: 32 })).map(([at, length]) => `${at}/${length}`);
const list = (at: number) =>
  fc
    .record({
      listType: fc.constantFrom('ALLOW' as const, 'BLOCK' as const),
      mode: fc.constantFrom('ENFORCED' as const, 'DRY_RUN' as const),
      enabled: fc.boolean(),
      ipAddresses: fc.array(entry, { maxLength: 4 }),
    })
    .map((one): PlannedList => ({ listId: `list-${at}`, label: `l${at}`, ...one }));

test('whatever the lists, a row says what decideIngress() says', () => {
  const lists = fc.tuple(list(0), list(1), list(2), list(3));
  fc.assert(
    fc.property(lists, address, (four, source) => {
      const plan = samplePlan('analytics', { lists: [...four] });
      const decision = decideIngress(plan.spec, source);
      const asEnforced = four.map((one) => ({ ...one, mode: 'ENFORCED' as const }));
      const shadow = decideIngress({ enableIpAccessLists: true, lists: asEnforced }, source);
      const row = denialOf({ source, enforced: nameOf(decision), shadow: nameOf(shadow) }, [plan]);
      expect(row && summaryOf(row)).toEqual(expectedOf(decision));
    }),
    { numRuns: 500 },
  );
});

function summaryOf({ policyOutcome, reason, listId, entry, ruleLabel }: UnnumberedInboundDenial) {
  return { policyOutcome, reason, listId, entry, ruleLabel };
}

function expectedOf(decision: IngressDecision): ReturnType<typeof summaryOf> | undefined {
  const policyOutcome = decision.isAllowed ? 'DENY_DRY_RUN' : 'DENY';
  const denied = decision.isAllowed ? decision.wouldDeny : decision;
  if (denied === undefined) return undefined;
  const { listId, entry, label: ruleLabel } = denied.match ?? { listId: null, entry: null, label: null };
  return { policyOutcome, reason: denied.reason, listId, entry, ruleLabel };
}

function nameOf({ reason, match }: IngressVerdict): string {
  return inboundRuleName(match === undefined ? { reason } : { reason, listId: match.listId });
}

test('PlanHistory keeps what is in force, and the last revisions beside it', () => {
  const history = new PlanHistory();
  const many = Array.from({ length: 500 }, (_, at) => samplePlan(`w${at}`));
  for (let at = 0; at < 100; at += 1)
    history.remember([...many, samplePlan('analytics', { revision: `r${at}`, lists: [PARTNERS] })]);
  expect(many.every((plan) => history.knows({ workspace: plan.metadata.name, revision: 'r1' }))).toBe(true);
  expect(history.knows({ workspace: 'analytics', revision: 'r99' })).toBe(true);
  expect(history.knows({ workspace: 'analytics', revision: 'r36' })).toBe(true);
  expect(history.knows({ workspace: 'analytics', revision: 'r0' })).toBe(false);
});
