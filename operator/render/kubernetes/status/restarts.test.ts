import { stampedPod } from '../../../../test/fixtures/cluster-fixture.ts';
import { manifest, policyManifest, workspaceManifest } from '../../../../test/fixtures/object-fixture.ts';
import {
  AT_MS,
  conditionOf,
  reportOf,
  statusInput,
  withGateways,
  withStored,
} from '../../../../test/fixtures/status-fixture.ts';
import type { StampedPod } from '../../../model/cluster-state.ts';
import { SETTLING_MS } from '../../../model/moved-pod.ts';
import { policyAssignmentKind } from '../../../model/policy-assignment.ts';
import { renderStatuses } from './render-statuses.ts';
import type { StatusInput } from './status-index.ts';

const DAY_MS = 86_400_000;
const YESTERDAY = '2027-01-30T00:00:00Z';
const TEAM_A = 'PolicyAssignment/team-a';

/** Two workspaces of a policy that enforces, and one of another. */
const PLAIN = (() => {
  const names = ['team-a', 'team-b', 'other'];
  const input = statusInput(
    ...[policyManifest('acme'), policyManifest('open', { restrictionMode: 'FULL_ACCESS' })],
    ...names.map((name) => workspaceManifest(name)),
    ...names.map((name) =>
      manifest('PolicyAssignment', name, { networkPolicyId: name === 'other' ? 'open' : 'acme' }),
    ),
  );
  return withGateways(input, [reportOf('gw-a', input)]);
})();

function withPods(...pods: readonly StampedPod[]): StatusInput {
  return { ...PLAIN, state: { ...PLAIN.state, pods } };
}

/** Of the Deployment "etl", created a day ago. */
function etlPod(lane: string, at: number, workspace = 'team-a'): StampedPod {
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'etl-5d9c', uid: 'rs' };
  return {
    ...stampedPod(workspace, lane),
    ...{ name: `etl-5d9c-${at}`, uid: `${workspace} ${at}`, controller, createdAtMs: AT_MS - DAY_MS },
    workloadLabels: { 'pod-template-hash': '5d9c' },
  };
}

function found(input: StatusInput, key: string) {
  const { statuses } = renderStatuses(input);
  const of = (type: string): string => {
    const { status, reason } = conditionOf(statuses, key, type) ?? {};
    return `${type}=${status}/${reason}`;
  };
  const { status } = statuses.find((one) => one.key === key) ?? {};
  return {
    brief: [of('RestartRequired'), of('Ready')],
    message: conditionOf(statuses, key, 'RestartRequired')?.message,
    status,
  };
}

test('pods in more open lanes keep their workspace from Ready; it says how many, of what, since when, and the command', () => {
  const input = withPods(etlPod('full', 1), etlPod('full', 2), etlPod('dry-run', 3), etlPod('enforced', 4));
  const { brief, message, status } = found(input, TEAM_A);
  expect(brief).toEqual(['RestartRequired=True/MoreOpenPodsRunning', 'Ready=False/MoreOpenPodsRunning']);
  expect(message).toBe(
    `Pods run in lanes more open than the policy says (2 in lane "full", 1 in lane "dry-run"): restart Deployment "etl" (3 pods since ${YESTERDAY})`,
  );
  expect(status).toMatchObject({
    restartRequired: 1,
    staleWorkloads: [
      {
        ...{ kind: 'Deployment', name: 'etl', product: 'JOBS', pods: 3 },
        ...{ lane: 'full', policyLane: 'enforced', since: YESTERDAY },
        command: 'kubectl rollout restart deployment/etl -n team-a',
      },
    ],
  });
});

test('pods in stricter lanes have to restart, too, and their workspace is Ready', () => {
  const { brief, message, status } = found(withPods(etlPod('sealed', 1)), TEAM_A);
  expect(brief).toEqual(['RestartRequired=True/StricterPodsRunning', 'Ready=True/Ready']);
  expect(message).toBe(
    `Pods run in lanes stricter than the policy says (1 pod): restart Deployment "etl" (1 pod since ${YESTERDAY})`,
  );
  expect(status?.['staleWorkloads']).toMatchObject([{ lane: 'sealed', policyLane: 'enforced' }]);
});

test('stricter ones beside more open ones are said after them', () => {
  const { brief, message } = found(withPods(etlPod('full', 1), stampedPod('team-a', 'sealed')), TEAM_A);
  expect(brief[0]).toBe('RestartRequired=True/MoreOpenPodsRunning');
  expect(message).toMatch(/\. Besides, restart what runs in stricter lanes: Pod "sealed-1" \(1 pod\)$/);
});

test('a pod that goes past its lane gets no command, since it would not start again as it is', () => {
  const pod = { ...etlPod('enforced', 1), openings: ['hostNetwork'] };
  const { brief, message, status } = found(withPods(pod), TEAM_A);
  expect(brief[1]).toBe('Ready=False/MoreOpenPodsRunning');
  expect(message).toBe(
    'Pods run in lanes more open than the policy says (1 in lane "full"). Through their node these go past every lane, and count as in lane "full": pod "etl-5d9c-1" by hostNetwork. Leave that out, or run them in a Namespace that is no workspace',
  );
  expect(status?.['staleWorkloads']).toEqual([expect.not.objectContaining({ command: expect.anything() })]);
});

test('what settles by itself keeps it from Ready until then, and is no workload to restart', () => {
  const moved = { from: 'full' as const, settledAtMs: AT_MS + SETTLING_MS };
  const input = withPods({ ...etlPod('enforced', 1), moved });
  const { brief, message, status } = found(input, TEAM_A);
  expect(brief).toEqual(['RestartRequired=True/MoreOpenPodsRunning', 'Ready=False/MoreOpenPodsRunning']);
  expect(message).toBe(
    'Pods run in lanes more open than the policy says (1 in lane "full"). Of these, 1 got a stricter lane just now, which the network may follow only within 20 s',
  );
  expect([status?.['restartRequired'], status?.['staleWorkloads']]).toEqual([0, undefined]);
  expect(renderStatuses(input).changesAtMs).toBeLessThanOrEqual(AT_MS + SETTLING_MS);
  expect(found({ ...input, atMs: AT_MS + SETTLING_MS }, TEAM_A).brief[0]).toBe(
    'RestartRequired=False/NothingToRestart',
  );
});

test('a policy says the sum of its workspaces, and does not wait for them', () => {
  const pods = [etlPod('full', 1), etlPod('full', 1, 'team-b'), stampedPod('team-b', 'sealed')];
  const input = withPods(...pods, etlPod('enforced', 1, 'other'));
  const acme = found(input, 'NetworkPolicy/acme');
  expect(acme.brief).toEqual(['RestartRequired=True/MoreOpenPodsRunning', 'Ready=True/Ready']);
  expect(acme.message).toBe(
    'Pods run in lanes more open than the policy says, in 2 of its workspaces: "team-a", "team-b". Their PolicyAssignments say which workloads have to restart',
  );
  expect(acme.status).toMatchObject({ restartRequired: 3 });
  const open = found(input, 'NetworkPolicy/open');
  expect(open.brief[0]).toBe('RestartRequired=True/StricterPodsRunning');
  expect(open.status).toMatchObject({ restartRequired: 1 });
});

test('nothing is written again at another time, however much waits for a restart', () => {
  const pods = Array.from({ length: 50 }, (_, at) => ({
    ...stampedPod('team-a', 'full'),
    name: `web-${at}`,
  }));
  const input = withPods(...pods, etlPod('full', 1), etlPod('sealed', 2, 'team-b'));
  const { statuses } = renderStatuses(input);
  expect(statuses.length).toBeGreaterThan(4);
  const atMs = AT_MS + 30 * DAY_MS;
  const stored = withStored(input, statuses);
  const later = withGateways(stored, [reportOf('gw-a', stored, { renewTime: new Date(atMs).toISOString() })]);
  expect(renderStatuses({ ...later, atMs }).statuses).toEqual([]);
});

test('the worst twenty workloads are in the status, which the schema of the kind takes', () => {
  const name = (at: number): string => `${'x'.repeat(240)}-${at}`;
  const pods = Array.from({ length: 300 }, (_, at) => ({
    ...{ ...stampedPod('team-a', at === 299 ? 'full' : 'sealed'), name: name(at) },
    lane: at === 299 ? 'full' : 'made-up'.padEnd(63, 'p'),
    createdAtMs: AT_MS,
  }));
  const { status, message } = found(withPods(...pods), TEAM_A);
  expect(status?.['restartRequired']).toBe(300);
  const stale = status?.['staleWorkloads'] as readonly { readonly name: string }[];
  expect([stale.length, stale[0]?.name]).toEqual([20, name(299)]);
  expect(message?.length).toBeLessThanOrEqual(4096);
  expect(policyAssignmentKind.status?.safeParse(status).error?.issues).toBeUndefined();
});
