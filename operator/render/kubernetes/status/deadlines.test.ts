import { stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import { manifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import { AT_MS, conditionOf, statusInput, withStored } from '../../../../test/fixtures/status-fixture.ts';
import { datedPlans } from '../../../compile/lane-times.ts';
import type { StampedPod } from '../../../model/cluster-state.ts';
import { policyAssignmentKind } from '../../../model/policy-assignment.ts';
import type { StaleWorkloadsSetting } from '../../../model/stale-workloads.ts';
import { renderDeadlineEvents } from './deadlines.ts';
import { renderStatuses } from './render-statuses.ts';
import type { StatusInput } from './status-index.ts';

const HOUR_MS = 3_600_000;
const TEAM_A = 'PolicyAssignment/team-a';
const ISOLATE: StaleWorkloadsSetting = { action: 'Isolate', afterSeconds: 36_000 };
const EVICT: StaleWorkloadsSetting = { action: 'Evict', afterSeconds: 36_000 };
const DEADLINE = '2027-01-31T10:00:00Z';

/** The lanes of the workspace change at AT_MS. */
function inputOf(staleWorkloads: StaleWorkloadsSetting | undefined, ...pods: readonly StampedPod[]) {
  const egress = { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS' } };
  const input = statusInput(
    manifest('NetworkPolicy', 'acme', { egress, ...(staleWorkloads && { staleWorkloads }) }),
    workspaceManifest('team-a'),
    manifest('PolicyAssignment', 'team-a', { networkPolicyId: 'acme' }),
  );
  const plans = datedPlans(input.compiled.plans, [], { atMs: AT_MS });
  return { ...input, compiled: { ...input.compiled, plans }, state: { ...input.state, pods } };
}

function pod(lane: string, more: Partial<StampedPod> = {}): StampedPod {
  const controller = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'db' };
  return { ...stampedPod('team-a', lane), createdAtMs: AT_MS - HOUR_MS, controller, ...more };
}

/** The Events of passes at these hours, each after what the one before has stored. */
function told(input: StatusInput, ...hours: readonly number[]): readonly (readonly string[])[] {
  let seen = input;
  return hours.map((hour) => {
    const { statuses } = renderStatuses({ ...seen, atMs: AT_MS + hour * HOUR_MS });
    const events = renderDeadlineEvents(statuses, seen.state.statuses);
    seen = withStored(seen, statuses);
    return events.map(({ type, regarding, reason, note }) => `${type} ${regarding.name} ${reason} ${note}`);
  });
}

const note = (done: string, who = '1 pod runs'): string =>
  `${who} in another lane than the policy says. Those that have not restarted by ${DEADLINE} are ${done}, since its spec.staleWorkloads says so. Restart them before: status.staleWorkloads has the commands`;
const ANNOUNCED = `Warning team-a RestartDeadline ${note('evicted')}`;
const HALF = ANNOUNCED.replace('1 pod', 'Half of the time has passed. 1 pod');
const TENTH = ANNOUNCED.replace('1 pod', 'A tenth of the time is left. 1 pod');

describe('renderDeadlineEvents()', () => {
  it('tells of a deadline at the change, at half and at a tenth, and each once', () => {
    const hours = [0, 1, 4.9, 5, 6, 8.9, 9, 9.5, 10, 11];
    expect(told(inputOf(EVICT, pod('full')), ...hours)).toEqual([
      ...[[ANNOUNCED], [], [], [HALF], [], [], [TENTH], [], [], []],
    ]);
  });

  it('tells the last stage alone of what passed while no operator ran, and nothing after the deadline', () => {
    expect(told(inputOf(EVICT, pod('full')), 6, 12)).toEqual([[HALF], []]);
    expect(told(inputOf(EVICT, pod('full')), 10)).toEqual([[]]);
  });

  it('tells nothing again where the clock is set back, or where a pod has restarted', () => {
    expect(told(inputOf(EVICT, pod('full')), 6, 1, 6)).toEqual([[HALF], [], []]);
    const two = inputOf(EVICT, pod('full'), pod('full', { name: 'full-2', uid: '2' }));
    const { statuses } = renderStatuses(two);
    const one = { ...two, state: { ...two.state, pods: [pod('full')] } };
    expect(told(withStored(one, statuses), 1)).toEqual([[]]);
  });

  it('tells of a setting that comes later, and of another one', () => {
    const later = withStored(
      inputOf(ISOLATE, pod('full')),
      renderStatuses(inputOf(undefined, pod('full'))).statuses,
    );
    const isolated = `Warning team-a RestartDeadline ${note('isolated (in a restricted lane they reach nothing outside then)')}`;
    expect(told(later, 1)).toEqual([[isolated]]);
    const other = withStored(
      inputOf(EVICT, pod('full')),
      renderStatuses(inputOf(ISOLATE, pod('full'))).statuses,
    );
    expect(told(other, 1)).toEqual([[ANNOUNCED]]);
  });

  it('tells of nothing under a policy that ignores them', () => {
    expect(told(inputOf({ ...EVICT, action: 'Ignore' }, pod('full')), 0, 20)).toEqual([[], []]);
  });
});

describe('the status of a workspace', () => {
  it.each<[string, StaleWorkloadsSetting, StampedPod, 'Isolate' | 'Evict']>([
    ['Evict', EVICT, pod('full'), 'Evict'],
    ['Evict, of a stricter one', EVICT, pod('sealed'), 'Evict'],
    ['Evict, of one without a controller', EVICT, pod('full', { controller: undefined }), 'Isolate'],
    ['Isolate', ISOLATE, pod('full'), 'Isolate'],
  ])('names the deadline: %s', (_, setting, one, action) => {
    const verb = action === 'Evict' ? 'evicts' : 'isolates';
    const { statuses, changesAtMs } = renderStatuses(inputOf(setting, one));
    expect(conditionOf(statuses, TEAM_A, 'RestartRequired')?.message).toContain(
      `. From ${DEADLINE} on the policy ${verb} those that have not restarted (1 pod)`,
    );
    const { status } = statuses.find(({ key }) => key === TEAM_A) ?? {};
    expect(status).toMatchObject({
      staleWorkloads: [{ deadline: DEADLINE, deadlineAction: action }],
      deadlines: [{ time: DEADLINE, action, pods: 1, stage: 'Announced' }],
    });
    expect(policyAssignmentKind.status?.safeParse(status).error?.issues).toBeUndefined();
    expect(changesAtMs).toBe(AT_MS + 5 * HOUR_MS);
  });

  it('names both actions where one deadline has two', () => {
    const bare = pod('full', { name: 'bare', uid: 'bare', controller: undefined });
    const { statuses } = renderStatuses(inputOf(EVICT, pod('full'), bare));
    expect(conditionOf(statuses, TEAM_A, 'RestartRequired')?.message).toContain(
      `. From ${DEADLINE} on the policy evicts those that have not restarted (1 pod). From ${DEADLINE} on the policy isolates those of them without a controller that makes new ones (1 pod)`,
    );
  });

  it.each([
    ['a stricter one under Isolate', ISOLATE, pod('sealed')],
    ['one in the network of its node under Isolate', ISOLATE, pod('full', { openings: ['hostNetwork'] })],
    ['any under Ignore', { ...ISOLATE, action: 'Ignore' as const }, pod('full')],
  ])('names none for %s', (_, setting, one) => {
    const { statuses } = renderStatuses(inputOf(setting, one));
    const { status } = statuses.find(({ key }) => key === TEAM_A) ?? {};
    expect(JSON.stringify(status)).not.toContain(DEADLINE);
    expect(status?.['staleWorkloads']).toHaveLength(1);
  });

  it('lists an isolated pod until it restarts, no longer as more open', () => {
    const { statuses } = renderStatuses(inputOf(ISOLATE, pod('enforced', { isIsolated: true })));
    const condition = conditionOf(statuses, TEAM_A, 'RestartRequired');
    expect(condition).toMatchObject({ status: 'True', reason: 'StricterPodsRunning' });
    expect(condition?.message).toMatch(
      /^Pods were isolated at the deadline of the policy \(1 pod\): restart StatefulSet "db"/,
    );
    const { status } = statuses.find(({ key }) => key === TEAM_A) ?? {};
    expect(status).toMatchObject({ restartRequired: 1, staleWorkloads: [{ isolated: 1, lane: 'enforced' }] });
  });

  it('names the next five deadlines at most', () => {
    const pods = Array.from({ length: 9 }, (_, at) =>
      pod('full', { name: `p-${at}`, uid: `${at}`, createdAtMs: AT_MS + at * 60_000 }),
    );
    const { statuses } = renderStatuses({ ...inputOf(EVICT, ...pods), atMs: AT_MS + HOUR_MS });
    const { status } = statuses.find(({ key }) => key === TEAM_A) ?? {};
    const times = (status?.['deadlines'] as readonly { readonly time: string }[]).map(({ time }) => time);
    expect(times).toEqual([0, 1, 2, 3, 4].map((minute) => `2027-01-31T10:0${minute}:00Z`));
  });
});
