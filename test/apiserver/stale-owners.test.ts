// Which workloads must restart, on a real API server: one of each kind, with owners as its operator makes them, some of
// them by the real controllers. After each change of a policy these and no others are named, each with its command.
// Operators of other projects are not here: their kinds take any spec.
import { type KubernetesObject, pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import { PODS, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import type { StatedWorkload } from '../../operator/model/policy-assignment.ts';
import { WORKLOAD_KINDS } from '../../operator/model/workload-kind.ts';
import {
  assignmentYaml,
  ClusterScene,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { createOwned } from '../support/cluster/owned-object.ts';
import { BATCH, KSERVE, MODELS, type OwnedWorkload } from '../support/cluster/owned-workloads.ts';
import { workloadCrds } from '../support/cluster/workload-kinds.ts';
import { until } from '../support/until.ts';

const LONG_MS = 180_000;
const SPEC = { containers: [{ name: 'main', image: 'example.com/none' }] };
const ONCE = { ...SPEC, restartPolicy: 'Never' };
const DRY_RUN = 'policyEnforcement: { enforcementMode: DRY_RUN }';
const DRY_RUN_FOR_SQL = 'policyEnforcement: { enforcementMode: DRY_RUN, dryRunModeProductFilter: [DBSQL] }';
const OWNER_RIGHTS = 'sallyport-operator-owners';

const ALL = { models: MODELS, batch: BATCH } as const;
type Workspace = keyof typeof ALL;

const RESOURCES: ReadonlyMap<string, Resource> = new Map(
  [
    ...WORKLOAD_KINDS.flatMap(({ owner }) => owner ?? []),
    { group: 'serving.knative.dev', kind: 'Configuration', plural: 'configurations' },
    { group: 'serving.knative.dev', kind: 'Revision', plural: 'revisions' },
  ].map(({ group, kind, plural }) => [kind, { apiVersion: `${group}/v1`, kind, plural, isNamespaced: true }]),
);
const FOREIGN = [...RESOURCES.values()].filter(({ apiVersion }) => !/^(apps|batch)\//.test(apiVersion));
const MAKES_PODS = ['Deployment', 'StatefulSet', 'Job'];

let scene: ClusterScene;
let operator: Operator;

beforeAll(async () => {
  scene = await ClusterScene.start();
  await scene.apply(workloadCrds(FOREIGN));
  await scene.kubectl('wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s');
  await scene.kubectl('delete', 'clusterrolebinding', OWNER_RIGHTS);
  operator = await scene.startOperator();
  await inMode('FULL_ACCESS');
  await scene.apply(policyYaml('trial', [], DRY_RUN));
  for (const [at, workspace] of Object.keys(ALL).entries())
    await scene.apply(`${assignmentYaml(workspace, 'acme')}---\n${workspaceYaml(workspace, `${at + 1}`)}`);
  for (const workspace of ['models', 'batch'] as const) {
    await scene.untilStamped(workspace);
    for (const workload of ALL[workspace]) await makeOwners(workspace, workload);
  }
  await startAll();
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

/** Who controls the pods that are made by hand, by workspace and chain. */
const makers = new Map<string, KubernetesObject | undefined>();

async function makeOwners(namespace: Workspace, { chain, labels = {} }: OwnedWorkload): Promise<void> {
  let owner: KubernetesObject | undefined;
  for (const link of chain.split(' > ')) {
    const [kind = '', name = ''] = link.split(' ');
    const resource = RESOURCES.get(kind);
    if (kind === 'Unheard') owner = { apiVersion: 'none.example/v1', kind, metadata: { name, uid: 'u' } };
    else if (resource !== undefined)
      owner = await createOwned(scene.gateways.api, resource, {
        ...{ namespace, name, owner },
        body: bodyOf(kind, { app: name, ...labels }),
      });
  }
  const maker = chain.split(' > ').at(-1)?.split(' ')[0] ?? '';
  if (!MAKES_PODS.includes(maker)) makers.set(`${namespace} ${chain}`, owner);
}

function bodyOf(kind: string, labels: Readonly<Record<string, string>>): object {
  const template = { metadata: { labels }, spec: SPEC };
  const selector = { matchLabels: { app: labels['app'] } };
  const jobTemplate = { spec: { template: { metadata: { labels }, spec: ONCE } } };
  const bodies: Readonly<Record<string, object>> = {
    Deployment: { spec: { selector, template } },
    DaemonSet: { spec: { selector, template } },
    StatefulSet: { spec: { selector, template, serviceName: 'none' } },
    Job: jobTemplate,
    CronJob: { spec: { schedule: '0 0 1 1 *', jobTemplate } },
  };
  return bodies[kind] ?? {};
}

/** Every workload has its pod, which runs; an executor belongs to its driver. */
async function startAll(): Promise<void> {
  for (const workspace of ['models', 'batch'] as const) {
    for (const workload of ALL[workspace]) await makePods(workspace, workload);
    const expected = ALL[workspace].length + (workspace === 'batch' ? 1 : 0);
    const names = (): Promise<string> => scene.field('{.items[*].metadata.name}', 'pods', '-n', workspace);
    await until(
      `${workspace} has its pods`,
      async () => (await names()).split(' ').filter(Boolean).length === expected,
    );
    await scene.startPods(workspace);
  }
  await scene.kubectl('label', 'pods', '-n', 'models', '-l', 'app=relabelled', `${KSERVE}=other`);
}

async function makePods(namespace: Workspace, { chain, labels = {} }: OwnedWorkload): Promise<void> {
  const key = `${namespace} ${chain}`;
  if (!makers.has(key)) return;
  const [kind, name = ''] = (chain.split(' > ').at(-1) ?? '').split(' ');
  const pod = await createOwned(scene.gateways.api, PODS, {
    ...{ namespace, owner: makers.get(key), body: { spec: ONCE } },
    name: kind === 'Pod' ? name : `${name}-pod`,
    labels: { app: name, ...labels },
  });
  if (chain === 'SparkApplication etl')
    await createOwned(scene.gateways.api, PODS, {
      ...{ namespace, owner: pod, body: { spec: ONCE }, name: 'etl-exec' },
      labels: { ...labels, 'spark-role': 'executor' },
    });
}

function inMode(mode: string, destinations: readonly string[] = [], more = ''): Promise<void> {
  return scene.apply(policyYaml('acme', destinations, more).replace('RESTRICTED_ACCESS', mode));
}

interface RestartStatus {
  readonly restartRequired?: number;
  readonly staleWorkloads?: readonly StatedWorkload[];
}

async function statusOf(workspace: Workspace): Promise<RestartStatus> {
  const path = pathOf(POLICY_ASSIGNMENTS, { name: workspace });
  const { status = {} } = (await scene.gateways.api.request({ method: 'GET', path })) as {
    readonly status?: RestartStatus;
  };
  return status;
}

/** "InferenceService echo", sorted. */
async function untilStale(workspace: Workspace, reason: string, expected: readonly string[]): Promise<void> {
  let found: readonly string[] = [];
  const wanted = JSON.stringify(expected.toSorted());
  const holds = async (): Promise<boolean> => {
    const { staleWorkloads = [], restartRequired } = await statusOf(workspace);
    found = staleWorkloads.map(({ kind, name }) => `${kind} ${name}`).toSorted();
    const condition = await scene.condition('RestartRequired', 'spa', workspace);
    return (
      JSON.stringify(found) === wanted && restartRequired === expected.length && condition.includes(reason)
    );
  };
  await until(`${workspace} has ${reason} of ${wanted}`, holds).catch((error: unknown) => {
    expect(found).toEqual(expected.toSorted());
    throw error;
  });
}

const topsOf = (workspace: Workspace): readonly string[] =>
  ALL[workspace].map(({ chain }) => chain.split(' > ')[0] ?? '');

async function untilNothing(): Promise<void> {
  for (const workspace of ['models', 'batch'] as const) await untilStale(workspace, 'NothingToRestart', []);
}

describe('the workloads that must restart, one story, in this order', () => {
  it(
    'are named by labels and controllers where the operator may not read owners',
    async () => {
      await untilNothing();
      await inMode('RESTRICTED_ACCESS');
      for (const workspace of ['models', 'batch'] as const) {
        const named = ALL[workspace].map(({ chain, unread }) => unread ?? chain.split(' > ')[0] ?? '');
        await untilStale(workspace, 'MoreOpenPodsRunning', named);
      }
      expect(operator.log()).not.toContain('could not be read');
    },
    LONG_MS,
  );

  it(
    'are the tops of their owners for an operator that may, each with its command',
    async () => {
      await operator.stop();
      const account = '--serviceaccount=sallyport-system:sallyport-operator';
      const role = `--clusterrole=${OWNER_RIGHTS}`;
      await scene.kubectl('create', 'clusterrolebinding', OWNER_RIGHTS, role, account);
      operator = await scene.startOperator({ identity: 'operator-2' });
      for (const workspace of ['models', 'batch'] as const) {
        await untilStale(workspace, 'MoreOpenPodsRunning', topsOf(workspace));
        const { staleWorkloads = [] } = await statusOf(workspace);
        const commands = new Map(
          staleWorkloads.map(({ kind, name, command }) => [`${kind} ${name}`, command]),
        );
        for (const { chain, command } of ALL[workspace]) {
          const text = commands.get(chain.split(' > ')[0] ?? '')?.replace(/^kubectl /, '') ?? '';
          expect(text.slice(0, command.length)).toBe(command);
          expect(text).toContain(` -n ${workspace}`);
        }
      }
      const etl = (await statusOf('batch')).staleWorkloads?.find(({ name }) => name === 'etl');
      expect(etl?.pods).toBe(2);
    },
    LONG_MS,
  );

  it(
    'are none after a change back, and none where 100 destinations are added',
    async () => {
      await inMode('FULL_ACCESS');
      await untilNothing();
      await inMode('RESTRICTED_ACCESS');
      for (const workspace of ['models', 'batch'] as const) {
        await untilStale(workspace, 'MoreOpenPodsRunning', topsOf(workspace));
        await scene.kubectl('delete', 'pods', '--all', '-n', workspace, '--force', '--grace-period=0');
      }
      await startAll();
      await untilNothing();
      await inMode(
        'RESTRICTED_ACCESS',
        Array.from({ length: 100 }, (_, at) => `host-${at}.example`),
      );
      const destinations = (): Promise<string> => scene.field('{.status.destinations}', 'snp', 'acme');
      await until('they are counted', async () => (await destinations()) === '100');
      await untilNothing();
    },
    LONG_MS,
  );

  it(
    'are those of SQL where SQL goes into dry-run, and none once that is taken back',
    async () => {
      await inMode('RESTRICTED_ACCESS', [], DRY_RUN_FOR_SQL);
      const sql = ['Deployment trino-coordinator', 'Deployment trino-worker'];
      await untilStale('models', 'StricterPodsRunning', sql);
      await untilStale('batch', 'NothingToRestart', []);
      await inMode('RESTRICTED_ACCESS');
      await untilNothing();
    },
    LONG_MS,
  );

  it(
    'are all of a workspace under another policy of a different enforcement type, and of no other workspace',
    async () => {
      await scene.apply(assignmentYaml('models', 'trial'));
      await untilStale('models', 'StricterPodsRunning', topsOf('models'));
      await untilStale('batch', 'NothingToRestart', []);
      await scene.apply(assignmentYaml('models', 'acme'));
      await untilNothing();
      expect(operator.log()).not.toContain('"level":"error"');
    },
    LONG_MS,
  );
});
