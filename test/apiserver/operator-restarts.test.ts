// What must restart after changes of policies, on a real API server, whose admission gives pods their lanes: exactly the
// workloads that it concerns, each with its command, and nothing after changes that need no restart. Pods run, as a
// kubelet would say it.
import { pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import { NETWORK_POLICIES, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import type { StatedWorkload } from '../../operator/model/policy-assignment.ts';
import {
  assignmentYaml,
  ClusterScene,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { controllerReference, createOwned } from '../support/cluster/owned-object.ts';
import { INFERENCE_SERVICE, workloadCrds } from '../support/cluster/workload-kinds.ts';
import { until } from '../support/until.ts';

const SYSTEM = ['-n', 'sallyport-system'];
const DRY_RUN = 'policyEnforcement: { enforcementMode: DRY_RUN }';
const DRY_RUN_FOR_SQL = 'policyEnforcement: { enforcementMode: DRY_RUN, dryRunModeProductFilter: [DBSQL] }';
const MANY_COMMANDS_MS = 90_000;

let scene: ClusterScene;
let operator: Operator;

/** One pod each. The product of each follows from the labels of its pods. */
const WORKLOADS: Readonly<Record<string, string>> = {
  web: 'app: web',
  trino: 'app.kubernetes.io/name: trino',
  'echo-predictor': 'serving.kserve.io/inferenceservice: echo',
};

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
  await scene.apply(
    `${policyYaml('acme', []).replace('RESTRICTED_ACCESS', 'FULL_ACCESS')}---\n${policyYaml('trial', [], DRY_RUN)}---\n${assignmentYaml('team', 'acme')}---\n${workspaceYaml('team', '1')}`,
  );
  await scene.untilStamped('team');
  await scene.apply(workloadCrds([INFERENCE_SERVICE]));
  await scene.kubectl('wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s');
  const resource = { ...INFERENCE_SERVICE, isNamespaced: true };
  const service = await createOwned(scene.gateways.api, resource, { namespace: 'team', name: 'echo' });
  const owners: Readonly<Record<string, object>> = { 'echo-predictor': controllerReference(service) };
  await scene.apply(
    Object.entries(WORKLOADS)
      .map(([name, label]) => deploymentYaml(name, label, owners[name]))
      .join('---\n'),
  );
  await untilAllRun();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function deploymentYaml(name: string, label: string, owner: object | undefined): string {
  const owners = JSON.stringify(owner === undefined ? [] : [owner]);
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: team, ownerReferences: ${owners} }
spec:
  selector: { matchLabels: { ${label} } }
  template:
    metadata: { labels: { ${label} } }
    spec: { containers: [{ name: main, image: example.com/none }] }
`;
}

async function untilAllRun(): Promise<void> {
  const names = (): Promise<string> => scene.field('{.items[*].metadata.name}', 'pods', '-n', 'team');
  await until(
    'every workload has its pod',
    async () => (await names()).split(' ').filter(Boolean).length === Object.keys(WORKLOADS).length,
  );
  // Those that wait would be moved to the lane in force.
  await scene.startPods('team');
}

async function restartAll(): Promise<void> {
  await scene.kubectl('delete', 'pods', '--all', '-n', 'team', '--force', '--grace-period=0');
  await untilAllRun();
}

interface RestartStatus {
  readonly restartRequired: number;
  readonly staleWorkloads: readonly StatedWorkload[];
}

async function statusOf(resource: Resource, name: string): Promise<RestartStatus> {
  const path = pathOf(resource, { name });
  const { status } = (await scene.gateways.api.request({ method: 'GET', path })) as {
    readonly status?: Partial<RestartStatus>;
  };
  return { restartRequired: -1, staleWorkloads: [], ...status };
}

/** With the condition that begins so; "InferenceService echo: full -> enforced", sorted. */
async function untilStale(condition: string, expected: readonly string[]): Promise<void> {
  const found = async (): Promise<readonly string[]> =>
    (await statusOf(POLICY_ASSIGNMENTS, 'team')).staleWorkloads
      .map(({ kind, name, lane, policyLane }) => `${kind} ${name}: ${lane} -> ${policyLane}`)
      .toSorted();
  await until(`${condition} of ${expected.join(', ')}`, async () => {
    const said = await scene.condition('RestartRequired', 'spa', 'team');
    return said.startsWith(condition) && JSON.stringify(await found()) === JSON.stringify(expected);
  });
  const policy = await scene.field('{.status.networkPolicyId}', 'spa', 'team');
  await scene.untilCondition('RestartRequired', condition, 'snp', policy);
  const counts = await Promise.all([
    statusOf(POLICY_ASSIGNMENTS, 'team'),
    statusOf(NETWORK_POLICIES, policy),
  ]);
  expect(counts.map(({ restartRequired }) => restartRequired)).toEqual([expected.length, expected.length]);
}

const NOTHING = 'False NothingToRestart';
const TRINO = 'Deployment trino';
const ALL = [TRINO, 'Deployment web', 'InferenceService echo'];
const of = (workloads: readonly string[], change: string): readonly string[] =>
  workloads.map((one) => `${one}: ${change}`);

function inMode(
  mode: 'FULL_ACCESS' | 'RESTRICTED_ACCESS',
  destinations: readonly string[] = [],
  more = '',
): Promise<void> {
  return scene.apply(policyYaml('acme', destinations, more).replace('RESTRICTED_ACCESS', mode));
}

describe('what must restart, one story, in this order', () => {
  it(
    'is everything, each with its command, where access becomes restricted; a change back leaves nothing',
    async () => {
      await untilStale(NOTHING, []);
      await inMode('RESTRICTED_ACCESS');
      await untilStale('True MoreOpenPodsRunning', of(ALL, 'full -> enforced'));
      const { staleWorkloads } = await statusOf(POLICY_ASSIGNMENTS, 'team');
      const commands = new Map(staleWorkloads.map(({ name, command }) => [name, command]));
      for (const name of ['web', 'trino'])
        expect(commands.get(name)).toBe(`kubectl rollout restart deployment/${name} -n team`);
      expect(commands.get('echo')).toMatch(
        /^kubectl patch inferenceservices\.serving\.kserve\.io\/echo -n team /,
      );
      await inMode('FULL_ACCESS');
      await untilStale(NOTHING, []);
    },
    MANY_COMMANDS_MS,
  );

  it(
    'is what has not restarted yet, and nothing where 100 destinations are added',
    async () => {
      await inMode('RESTRICTED_ACCESS');
      await untilStale('True MoreOpenPodsRunning', of(ALL, 'full -> enforced'));
      await scene.kubectl('delete', 'pods', '-l', 'app=web', '-n', 'team', '--force', '--grace-period=0');
      await untilStale('True MoreOpenPodsRunning', of([TRINO, 'InferenceService echo'], 'full -> enforced'));
      await restartAll();
      await untilStale(NOTHING, []);
      const since = await scene.field('{.spec.products[*].since}', 'swp', 'team', ...SYSTEM);
      const names = Array.from({ length: 100 }, (_, at) => `host-${at}.example`);
      await inMode('RESTRICTED_ACCESS', names);
      const destinations = (): Promise<string> => scene.field('{.status.destinations}', 'snp', 'acme');
      await until('they are counted', async () => (await destinations()) === '100');
      await scene.untilCondition('RestartRequired', NOTHING, 'spa', 'team');
      expect(await scene.field('{.spec.products[*].since}', 'swp', 'team', ...SYSTEM)).toBe(since);
      await untilStale(NOTHING, []);
    },
    MANY_COMMANDS_MS,
  );

  it(
    'is the warehouse alone where SQL goes into dry-run, and not again where its pod may not use that lane',
    async () => {
      await inMode('RESTRICTED_ACCESS', [], DRY_RUN_FOR_SQL);
      await untilStale('True StricterPodsRunning', of([TRINO], 'enforced -> dry-run'));
      await restartAll();
      // Its ServiceAccount has no right to the product, so admission gives it the lane of GENERAL once more.
      const lane = '{.items[*].metadata.labels.sallyport\\.dev/lane}';
      expect(await scene.field(lane, 'pods', '-n', 'team')).toBe('enforced enforced enforced');
      await untilStale(NOTHING, []);
    },
    MANY_COMMANDS_MS,
  );

  it(
    'is everything under another policy of a different enforcement type, and nothing once that is taken back',
    async () => {
      await inMode('RESTRICTED_ACCESS');
      await until(
        'nothing is in dry-run',
        async () =>
          !(await scene.field('{.spec.products[*].lane}', 'swp', 'team', ...SYSTEM)).includes('dry-run'),
      );
      await scene.apply(assignmentYaml('team', 'trial'));
      await untilStale('True StricterPodsRunning', of(ALL, 'enforced -> dry-run'));
      await scene.apply(assignmentYaml('team', 'acme'));
      await untilStale(NOTHING, []);
    },
    MANY_COMMANDS_MS,
  );

  it(
    'is found by an operator that was away during the change, and the next one says the same time',
    async () => {
      await operator.stop();
      await scene.apply(assignmentYaml('team', 'trial'));
      const changedMs = Date.now();
      operator = await scene.startOperator({ identity: 'operator-2' });
      await untilStale('True StricterPodsRunning', of(ALL, 'enforced -> dry-run'));
      const sinceOf = async (): Promise<readonly (string | undefined)[]> =>
        (await statusOf(POLICY_ASSIGNMENTS, 'team')).staleWorkloads.map(({ since }) => since);
      const times = await sinceOf();
      for (const since of times) expect(Date.parse(since ?? '')).toBeGreaterThan(changedMs - 2000);
      await operator.stop();
      // Its fields come back only if the next one finds them.
      const body = { status: { restartRequired: null, staleWorkloads: null } };
      const path = pathOf(POLICY_ASSIGNMENTS, { name: 'team', subresource: 'status' });
      await scene.gateways.api.request({
        method: 'PATCH',
        path,
        body,
        contentType: 'application/merge-patch+json',
      });
      operator = await scene.startOperator({ identity: 'operator-3' });
      await untilStale('True StricterPodsRunning', of(ALL, 'enforced -> dry-run'));
      expect(await sinceOf()).toEqual(times);
      expect(operator.log()).not.toContain('"level":"error"');
    },
    MANY_COMMANDS_MS,
  );
});
