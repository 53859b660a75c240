import { stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import {
  type Manifest,
  manifest,
  policyManifest,
  workspaceManifest,
} from '../../../../test/fixtures/object-fixture.ts';
import {
  AT_MS,
  conditionOf,
  GENERATION,
  reportOf,
  statusInput,
  withGateways,
  withStored,
} from '../../../../test/fixtures/status-fixture.ts';
import { KINDS } from '../../../model/kinds.ts';
import { renderStatuses } from './render-statuses.ts';
import type { StatusInput } from './status-index.ts';

const POLICY = policyManifest('acme', { allowedInternetDestinations: [{ destination: 'a.example' }] });
const UNREADABLE = policyManifest('acme', { restrictionMode: 'NONE' });
const WORKSPACE = workspaceManifest('team-a');
const ASSIGNMENT = manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'acme' });
const TEAM_A = 'PolicyAssignment/team-a';
const METASTORE = { region: 'us-west-2', workspaces: ['team-a'] };

function running(...manifests: readonly Manifest[]): StatusInput {
  const input = statusInput(...manifests);
  return withGateways(input, [reportOf('gw-a', input)]);
}

function statusesOf(...manifests: readonly Manifest[]) {
  return renderStatuses(running(...manifests)).statuses;
}

/** "Accepted=True/Accepted" of every condition. */
function briefOf(input: StatusInput, key: string): readonly string[] {
  const wanted = renderStatuses(input).statuses.find((status) => status.key === key);
  return wanted?.status.conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`) ?? [];
}

test('renderStatuses() gives a policy its conditions and counts', () => {
  const [status] = statusesOf(POLICY, WORKSPACE, ASSIGNMENT, workspaceManifest('team-b'));
  expect(status).toMatchObject({
    key: 'NetworkPolicy/acme',
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'NetworkPolicy',
    name: 'acme',
    uid: 'uid of NetworkPolicy/acme',
    status: { destinations: 1, workspaces: 1 },
  });
  expect(status?.status.conditions).toContainEqual({
    type: 'Ready',
    status: 'True',
    observedGeneration: GENERATION,
    lastTransitionTime: '2027-01-31T00:00:00Z',
    reason: 'Ready',
    message: 'In force',
  });
});

test('renderStatuses() gives an assignment the status of its workspace', () => {
  const input = running(POLICY, WORKSPACE, ASSIGNMENT);
  const wanted = renderStatuses(input).statuses.find(({ key }) => key === TEAM_A);
  expect(wanted?.status).toMatchObject({
    workspaceId: 'id-team-a',
    networkPolicyId: 'acme',
    enforcement: 'enforced',
  });
  expect(briefOf(input, TEAM_A)).toEqual([
    'Accepted=True/Accepted',
    'ResolvedRefs=True/ResolvedRefs',
    'Programmed=True/Programmed',
    'RestartRequired=False/NothingToRestart',
    'Ready=True/Ready',
  ]);
});

test('renderStatuses() counts the workspaces without an assignment for the default policy', () => {
  const statuses = statusesOf(policyManifest('default-policy'), WORKSPACE, workspaceManifest('team-b'));
  expect(statuses.map(({ status }) => status['workspaces'])).toEqual([2]);
});

const EXPIRED_ENTRY = { destination: 'a.example', expiresAt: '2026-01-01T00:00:00Z' };

describe('renderStatuses() tells what stands in the way:', () => {
  const older = workspaceManifest(
    'older',
    { 'sallyport.dev/workspace': 'id-team-a' },
    '2026-01-01T00:00:00Z',
  );
  const badId = workspaceManifest('team-a', { 'sallyport.dev/workspace': '-' });
  const badTier = workspaceManifest('team-a', { 'sallyport.dev/tier': 'GOLD' });
  const ignored = policyManifest('acme', {
    restrictionMode: 'FULL_ACCESS',
    allowedInternetDestinations: [{ destination: 'a.example' }],
  });
  const twoMetastores = ['one', 'two'].map((name) => manifest('Metastore', name, METASTORE));
  const badAssignment = manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'a b' });
  const conf = manifest('WorkspaceConf', 'workspace', { enableIpAccessLists: 'yes' }, 'team-a');
  const newer = workspaceManifest('team-a', {}, '2026-02-01T00:00:00Z');
  it.each<[string, readonly Manifest[], string, readonly string[]]>([
    [
      'a policy that cannot be read',
      [UNREADABLE],
      'NetworkPolicy/acme',
      ['Accepted=False/Invalid', 'Ready=False/Invalid'],
    ],
    [
      'rules that are ignored',
      [ignored],
      'NetworkPolicy/acme',
      ['Accepted=True/RulesIgnored', 'Ready=True/RulesIgnored'],
    ],
    [
      'a shared zone that nobody accepted',
      [policyManifest('acme', { allowedInternetDestinations: [{ destination: '*.github.io' }] })],
      'NetworkPolicy/acme',
      ['Accepted=True/SharedZone', 'Ready=True/SharedZone'],
    ],
    [
      'an entry that has expired',
      [policyManifest('acme', { allowedInternetDestinations: [EXPIRED_ENTRY] })],
      'NetworkPolicy/acme',
      ['Accepted=True/Expired', 'Ready=True/Expired'],
    ],
    [
      'nothing, of a policy that is not used',
      [POLICY],
      'NetworkPolicy/acme',
      ['Programmed=Unknown/NotUsed', 'Ready=True/NotUsed'],
    ],
    [
      'an id that an older workspace has',
      [POLICY, older, newer, ASSIGNMENT],
      TEAM_A,
      ['Accepted=False/Conflicted', 'Programmed=True/Programmed', 'Ready=False/Conflicted'],
    ],
    [
      'no workspace of that name',
      [POLICY, ASSIGNMENT],
      TEAM_A,
      ['Accepted=False/WorkspaceNotFound', 'Programmed=Unknown/NotUsed'],
    ],
    ['an id that no workspace may have', [POLICY, badId, ASSIGNMENT], TEAM_A, ['Accepted=False/Invalid']],
    ['a tier that nobody knows', [POLICY, badTier, ASSIGNMENT], TEAM_A, ['Accepted=False/UnknownTier']],
    [
      'a policy that is not there',
      [WORKSPACE, ASSIGNMENT],
      TEAM_A,
      ['ResolvedRefs=False/NetworkPolicyNotFound', 'Ready=False/NetworkPolicyNotFound'],
    ],
    [
      'an assigned policy that cannot be read',
      [UNREADABLE, WORKSPACE, ASSIGNMENT],
      TEAM_A,
      ['Accepted=True/Accepted', 'ResolvedRefs=False/NetworkPolicyUnreadable'],
    ],
    [
      'an assignment that cannot be read',
      [POLICY, WORKSPACE, badAssignment],
      TEAM_A,
      ['Accepted=False/Invalid', 'ResolvedRefs=Unknown/Invalid', 'Programmed=True/Programmed'],
    ],
    [
      'two metastores of one workspace',
      [WORKSPACE, ...twoMetastores],
      'Metastore/two',
      ['Accepted=False/Conflicted'],
    ],
    [
      'a switch that is none',
      [WORKSPACE, conf],
      'WorkspaceConf/team-a/workspace',
      ['Accepted=False/Invalid'],
    ],
  ])('%s', (_, manifests, key, expected) => {
    expect(briefOf(running(...manifests), key)).toEqual(expect.arrayContaining([...expected]));
  });

  it('also where another reason stands in the condition', () => {
    const allowedInternetDestinations = [EXPIRED_ENTRY, { destination: '*.github.io' }];
    const accepted = conditionOf(
      statusesOf(policyManifest('acme', { allowedInternetDestinations })),
      'NetworkPolicy/acme',
      'Accepted',
    );
    expect(accepted).toMatchObject({ reason: 'SharedZone' });
    expect(accepted?.message).toContain(
      '; spec.egress.networkAccess.allowedInternetDestinations[0].expiresAt: The entry "a.example" has no effect, since it expired at 2026-01-01T00:00:00Z',
    );
  });

  it('in the words of the Problem, with the field', () => {
    const message = conditionOf(statusesOf(UNREADABLE), 'NetworkPolicy/acme', 'Accepted')?.message;
    expect(message).toMatch(/^spec\.egress\.networkAccess\.restrictionMode: Cannot accept "NONE"/);
  });
});

describe('Ready of a workspace waits for its stamp', () => {
  it.each<[string, ReadonlyMap<string, true | string>, string]>([
    [
      'with the reason that is given',
      new Map([['team-a', 'Isolation is not in place']]),
      'Isolation is not in place',
    ],
    ['where nothing is known of it', new Map(), 'has no stamp yet'],
  ])('%s', (_, stamped, words) => {
    const { statuses } = renderStatuses({ ...running(POLICY, WORKSPACE, ASSIGNMENT), stamped });
    const ready = conditionOf(statuses, TEAM_A, 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'NotStamped' });
    expect(ready?.message).toContain(words);
  });
});

test('renderStatuses() says before all that pods run in open lanes that isolation waits, for what and until when', () => {
  const input = running(POLICY, WORKSPACE, ASSIGNMENT);
  const measured = { node: 'node-1', wanted: 'node-1', triedAtMs: AT_MS, finding: { atMs: AT_MS } };
  const waiting: StatusInput = {
    ...input,
    state: { ...input.state, pods: [stampedPod('team-a', 'full')] },
    isolation: { nodes: [measured], intervalMs: 300_000 },
    settling: new Map([['team-a', AT_MS + 7000]]),
  };
  const briefs = [waiting, { ...waiting, settling: new Map() }].map((one) => briefOf(one, TEAM_A));
  expect(briefs).toEqual([
    expect.arrayContaining(['Isolated=False/AwaitingNetwork', 'Ready=False/AwaitingNetwork']),
    expect.arrayContaining(['Isolated=True/Enforced', 'Ready=False/MoreOpenPodsRunning']),
  ]);
  const { statuses } = renderStatuses(waiting);
  expect(conditionOf(statuses, TEAM_A, 'Ready')?.message).toMatch(
    /^Isolation waits until 2027-01-31T00:00:07\.000Z: pods that ran before .* within 20 s\. Until then no new pod may start/,
  );
});

test('renderStatuses() names broader policies of a workspace, and removes the condition with the last one', () => {
  const plain = running(POLICY, WORKSPACE, ASSIGNMENT);
  const names = Array.from({ length: 12 }, (_, at) => `NetworkPolicy/rule-${at}`);
  const { statuses } = renderStatuses({ ...plain, broaderPolicies: new Map([['team-a', names]]) });
  expect(conditionOf(statuses, TEAM_A, 'BroaderPolicies')).toMatchObject({
    status: 'True',
    reason: 'BroaderPolicies',
  });
  expect(conditionOf(statuses, TEAM_A, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'BroaderPolicies',
  });
  expect(conditionOf(statuses, TEAM_A, 'BroaderPolicies')?.message).toContain(
    '"NetworkPolicy/rule-9" and 2 more',
  );
  const after = renderStatuses(withStored(plain, statuses)).statuses;
  expect(after.map(({ key }) => key)).toEqual([TEAM_A]);
  expect(conditionOf(after, TEAM_A, 'BroaderPolicies')).toBeUndefined();
  expect(conditionOf(after, TEAM_A, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
});

describe('renderStatuses() writes nothing', () => {
  const input = running(POLICY, WORKSPACE, ASSIGNMENT, manifest('Metastore', 'one', METASTORE));
  const { statuses } = renderStatuses(input);

  it('when all is stored, at another time and with conditions in another order', () => {
    const stored = statuses.map((wanted) => ({
      ...wanted,
      status: { ...wanted.status, conditions: wanted.status.conditions.toReversed() },
    }));
    expect(renderStatuses({ ...withStored(input, stored), atMs: AT_MS + 9000 }).statuses).toEqual([]);
  });

  it("when only somebody else's condition is there too", () => {
    const foreign = {
      type: 'example.com/Audited',
      status: 'True' as const,
      lastTransitionTime: '2026-01-01T00:00:00Z',
      reason: 'Audited',
      message: '',
    };
    const stored = statuses.map((wanted) => ({
      ...wanted,
      status: { ...wanted.status, conditions: [foreign, ...wanted.status.conditions] },
    }));
    expect(renderStatuses(withStored(input, stored)).statuses).toEqual([]);
  });

  it('over a status of a newer generation', () => {
    const stored = statuses.map((wanted) => ({
      ...wanted,
      status: {
        conditions: wanted.status.conditions.map((condition) => ({
          ...condition,
          observedGeneration: GENERATION + 1,
        })),
      },
    }));
    expect(renderStatuses(withStored(input, stored)).statuses).toEqual([]);
  });

  it('for objects that the API server does not have', () => {
    const state = { ...input.state, statuses: new Map() };
    expect(renderStatuses({ ...input, state }).statuses).toEqual([]);
  });
});

test('renderStatuses() moves the transition time of a condition only when its status flips', () => {
  const input = running(POLICY, WORKSPACE, ASSIGNMENT);
  const stored = withStored(input, renderStatuses(input).statuses);
  const { statuses } = renderStatuses({ ...withGateways(stored, []), atMs: AT_MS + 60_000 });
  const timeOf = (type: string) => conditionOf(statuses, TEAM_A, type)?.lastTransitionTime;
  expect(timeOf('Accepted')).toBe('2027-01-31T00:00:00Z');
  expect(timeOf('Programmed')).toBe('2027-01-31T00:01:00Z');
  expect(timeOf('Ready')).toBe('2027-01-31T00:01:00Z');
});

test.each<[string, unknown]>([
  ['text', 'lost'],
  ['conditions that are none', { conditions: [null, 7, { type: 'Ready' }] }],
  ['no list', { conditions: {} }],
])('renderStatuses() overwrites a stored status that holds %s', (_, status) => {
  const input = running(POLICY);
  const statuses = new Map([['NetworkPolicy/acme', { uid: 'u', generation: 1, status }]]);
  expect(renderStatuses({ ...input, state: { ...input.state, statuses } }).statuses).toHaveLength(1);
});

test('renderStatuses() gives every kind a status that its schema takes', () => {
  const statuses = statusesOf(
    POLICY,
    WORKSPACE,
    ASSIGNMENT,
    UNREADABLE,
    manifest('Metastore', 'one', METASTORE),
    manifest('PrivateEndpoint', 'one', {}),
    manifest('WorkspaceConf', 'workspace', {}, 'team-a'),
    manifest(
      'IpAccessList',
      'office',
      { label: 'x', listType: 'ALLOW', ipAddresses: ['192.0.2.7'] },
      'team-a',
    ),
  );
  const schemas = new Map(KINDS.map(({ kind, status }) => [kind, status]));
  const faults = statuses.map(({ kind, status }) => schemas.get(kind)?.safeParse(status).error?.issues);
  expect(faults).toEqual(statuses.map(() => undefined));
  expect(new Set(statuses.map(({ kind }) => kind)).size).toBe(6);
  expect(statuses.find(({ kind }) => kind === 'IpAccessList')).toMatchObject({
    namespace: 'team-a',
    status: { addressCount: 1 },
  });
});
