import { manifest, policyManifest, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import {
  AT_MS,
  GENERATION,
  reportOf,
  statusInput,
  withGateways,
  withStored,
} from '../../../test/fixtures/status-fixture.ts';
import { renderEvents } from './events.ts';
import { renderStatuses } from './status/render-statuses.ts';
import type { StatusInput } from './status/status-index.ts';

const POLICY = policyManifest('acme');
const PAIR = [
  workspaceManifest('team-a'),
  manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'acme' }),
];
const HEALTHY = healthy(statusInput(POLICY, ...PAIR));
const NO_POLICY = healthy(statusInput(...PAIR));
const UNREADABLE = healthy(statusInput(policyManifest('acme', { restrictionMode: 'NONE' }), ...PAIR));
const NO_GATEWAY = withGateways(HEALTHY, []);
const PENDING = withGateways(HEALTHY, [reportOf('gw-a', HEALTHY, { plans: [] })]);
const SILENT = withGateways(HEALTHY, [reportOf('gw-a', HEALTHY, { renewTime: '2027-01-30T00:00:00Z' })]);
const NOT_STAMPED = { ...HEALTHY, stamped: new Map() };
const BROADER_POLICIES = broaderPoliciesOf('one');
const EXPIRED = healthy(
  statusInput(
    policyManifest('acme', {
      allowedInternetDestinations: [{ destination: 'a.example', expiresAt: '2026-01-01T00:00:00Z' }],
    }),
    ...PAIR,
  ),
);
const EARLY = healthy(statusInput(POLICY, ...PAIR.slice(1)));
const UNUSED = healthy(statusInput(POLICY));

function healthy(input: StatusInput): StatusInput {
  return withGateways(input, [reportOf('gw-a', input)]);
}

function broaderPoliciesOf(...names: readonly string[]): StatusInput {
  return { ...HEALTHY, broaderPolicies: new Map([['team-a', names]]) };
}

/** As it was in the generation before. */
function written(input: StatusInput): StatusInput {
  const statuses = new Map(
    [...input.state.statuses].map(
      ([key, status]) => [key, { ...status, generation: GENERATION - 1 }] as const,
    ),
  );
  return { ...input, state: { ...input.state, statuses } };
}

/** "Warning acme NoGateway" of every Event that turning from one state to the other gives. */
function turn(before: StatusInput | undefined, after: StatusInput): readonly string[] {
  return eventsOf(before, after).map(({ type, regarding, reason }) => `${type} ${regarding.name} ${reason}`);
}

function eventsOf(before: StatusInput | undefined, after: StatusInput) {
  const stored = before === undefined ? after : withStored(after, renderStatuses(before).statuses);
  return renderEvents(renderStatuses(stored).statuses, stored.state.statuses);
}

describe('renderEvents() reports', () => {
  it.each<[string, StatusInput, StatusInput, readonly string[]]>([
    ['nothing without a change', HEALTHY, HEALTHY, []],
    ['nothing about a pending change', HEALTHY, PENDING, []],
    ['once that it arrived', PENDING, HEALTHY, ['Normal acme Programmed']],
    ['a gateway that is gone, at the policy alone', HEALTHY, NO_GATEWAY, ['Warning acme NoGateway']],
    ['another trouble after the first', NO_GATEWAY, SILENT, ['Warning acme GatewaySilent']],
    ['that all is well again', SILENT, HEALTHY, ['Normal acme Programmed']],
    [
      'a policy that was removed, at its workspace',
      HEALTHY,
      NO_POLICY,
      ['Warning team-a NetworkPolicyNotFound'],
    ],
    ['a policy that was created', NO_POLICY, HEALTHY, ['Normal team-a ResolvedRefs']],
    [
      'a policy that cannot be read any more, at its workspace too',
      HEALTHY,
      UNREADABLE,
      ['Warning team-a NetworkPolicyUnreadable', 'Warning acme Invalid'],
    ],
    [
      'a policy that is written with an entry that has expired',
      written(HEALTHY),
      EXPIRED,
      ['Warning acme Expired'],
    ],
    ['nothing more of an entry that expires, which another Event reports', HEALTHY, EXPIRED, []],
    ['that a workspace is ready', NOT_STAMPED, HEALTHY, ['Normal team-a WorkspaceReady']],
    [
      'that pods may start even while the gateway is silent',
      { ...SILENT, stamped: new Map() },
      SILENT,
      ['Normal team-a WorkspaceReady'],
    ],
    ['rules that allow a workspace more', HEALTHY, BROADER_POLICIES, ['Warning team-a BroaderPolicies']],
    [
      'of one more such rule',
      BROADER_POLICIES,
      broaderPoliciesOf('one', 'two'),
      ['Warning team-a BroaderPolicies'],
    ],
    ['that none is left', BROADER_POLICIES, HEALTHY, ['Normal team-a NoBroaderPolicies']],
    ['nothing of a policy that is not used any more', HEALTHY, UNUSED, []],
    ['a workspace that is none any more', HEALTHY, EARLY, ['Warning team-a WorkspaceNotFound']],
    [
      'a workspace that comes after its assignment',
      EARLY,
      HEALTHY,
      ['Normal acme Programmed', 'Normal team-a Accepted'],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(turn(before, after)).toEqual(expected);
  });
});

describe('renderEvents() at first sight', () => {
  it.each<[string, StatusInput, readonly string[]]>([
    ['is silent about what is well', HEALTHY, []],
    ['is silent about what is on its way', { ...PENDING, stamped: new Map() }, []],
    ['reports one fault', NO_POLICY, ['Warning team-a NetworkPolicyNotFound']],
    ['reports a missing gateway at the policy alone', NO_GATEWAY, ['Warning acme NoGateway']],
    ['is silent about an assignment that comes before its workspace', EARLY, []],
  ])('%s', (_, after, expected) => {
    expect(turn(undefined, after)).toEqual(expected);
  });
});

test('renderEvents() keeps Events of cluster-scoped objects in "default", with all that delivery needs', () => {
  expect(eventsOf(HEALTHY, NO_GATEWAY)).toEqual([
    {
      key: 'NetworkPolicy/acme',
      namespace: 'default',
      regarding: {
        apiVersion: 'sallyport.dev/v1alpha1',
        kind: 'NetworkPolicy',
        name: 'acme',
        uid: 'uid of NetworkPolicy/acme',
      },
      type: 'Warning',
      reason: 'NoGateway',
      action: 'Program',
      note: expect.stringContaining('No gateway is there'),
    },
  ]);
});

test('renderEvents() keeps Events of other objects beside them', () => {
  const lost = statusInput(manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: 'yes' }, 'team-a'));
  expect(eventsOf(undefined, lost)).toMatchObject([
    { namespace: 'team-a', regarding: { namespace: 'team-a' }, reason: 'Invalid' },
  ]);
});

test('renderEvents() truncates a note to 1,024 bytes, between characters', () => {
  const rejection = 'ü'.repeat(1024);
  const tables = (reportOf('gw-a', HEALTHY).spec.tables ?? []).map((row) => ({ ...row, rejection }));
  const [event] = eventsOf(HEALTHY, withGateways(HEALTHY, [reportOf('gw-a', HEALTHY, { tables })]));
  expect(Buffer.byteLength(event?.note ?? '')).toBeLessThanOrEqual(1024);
  expect(Buffer.byteLength(event?.note ?? '')).toBeGreaterThan(1020);
  expect(event?.note).toMatch(/rejected it: ü+…$/);
});

test('renderEvents() tells of an expired silence only once it was seen', () => {
  const atMs = AT_MS + 60_000;
  expect(turn(HEALTHY, { ...HEALTHY, atMs })).toEqual(['Warning acme GatewaySilent']);
});
