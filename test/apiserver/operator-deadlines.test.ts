// What a policy does at its deadline about pods that have not restarted, on a real API server with its admission and its
// PodDisruptionBudgets: after a minute, and not before, whoever leads then. Pods run, as a kubelet would say it.
import {
  assignmentYaml,
  ClusterScene,
  deploymentYaml,
  type Operator,
  policyYaml,
  workspaceYaml,
} from '../support/cluster/cluster-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

const PERIOD_MS = 60_000;
const STORY_MS = 240_000;
const ISOLATED = 'isolating';
const EVICTED = 'evicting';
const ACTIONS = { [ISOLATED]: 'Isolate', [EVICTED]: 'Evict' } as const;

let scene: ClusterScene;
let operator: Operator;
/** When the operator saw what made the pods stale. */
let changedMs: number;

beforeAll(async () => {
  scene = await ClusterScene.start();
  operator = await scene.startOperator();
  const workspaces = Object.keys(ACTIONS).flatMap((name) => [
    policyOf(name, 'FULL_ACCESS'),
    assignmentYaml(name, name),
    workspaceYaml(name, name),
  ]);
  await scene.apply(workspaces.join('---\n'));
  for (const name of Object.keys(ACTIONS)) await scene.untilStamped(name);
  const pods = [
    // Kubernetes removes pods of a node that is not there.
    '{ apiVersion: v1, kind: Node, metadata: { name: node-1 } }\n',
    deploymentYaml(ISOLATED, 'web'),
    barePodYaml(EVICTED, 'bare'),
    onNode(deploymentYaml(EVICTED, 'db')),
    budgetYaml(EVICTED, 'db'),
  ];
  await scene.apply(pods.join('---\n'));
  await until('they are there', async () => (await podsOf(EVICTED)).length === 3);
  await until('they are there', async () => (await podsOf(ISOLATED)).length === 1);
  for (const name of Object.keys(ACTIONS)) await scene.startPods(name);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(() => scene.stop());

function policyOf(name: keyof typeof ACTIONS | string, mode: string): string {
  const action = ACTIONS[name as keyof typeof ACTIONS];
  const policy = policyYaml(name, []).replace('RESTRICTED_ACCESS', mode);
  return `${policy}  staleWorkloads: { action: ${action}, afterSeconds: ${PERIOD_MS / 1000} }\n`;
}

/** Two pods, which end within their grace period, since no kubelet ends them. */
function onNode(yaml: string): string {
  return yaml
    .replace('spec:\n', 'spec:\n  replicas: 2\n')
    .replace('spec: { containers', 'spec: { nodeName: node-1, containers');
}

function barePodYaml(namespace: string, name: string): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace} }
spec: { containers: [{ name: main, image: example.com/none }] }
`;
}

function budgetYaml(namespace: string, app: string): string {
  return `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: ${app}, namespace: ${namespace} }
spec: { minAvailable: 2, selector: { matchLabels: { app: ${app} } } }
`;
}

/** "web-1 enforced", "db-2 full ending", sorted. */
async function podsOf(namespace: string, ...selection: readonly string[]): Promise<readonly string[]> {
  const template =
    '{range .items[*]}{.metadata.name} {.metadata.labels.sallyport\\.dev/lane} {.metadata.deletionTimestamp}{"\\n"}{end}';
  const text = await scene.kubectl(
    'get',
    'pods',
    '-n',
    namespace,
    ...selection,
    '-o',
    `jsonpath=${template}`,
  );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/ \S+Z$/, ' ending').trim())
    .toSorted();
}

async function dbPods(): Promise<{ readonly old: readonly string[]; readonly ending: readonly string[] }> {
  const all = await podsOf(EVICTED, '-l', 'app=db');
  const ending = all.filter((line) => line.endsWith(' ending'));
  return { ending, old: all.filter((line) => line.endsWith(' full')) };
}

/** "Warning StalePodIsolated web-1: ...", of both versions of what regards the object. */
async function events(namespace: string): Promise<readonly string[]> {
  const template = '{range .items[*]}{.type} {.reason} {.regarding.name}: {.note}{"\\n"}{end}';
  const text = await scene.kubectl(
    ...['get', 'events.events.k8s.io', '-n', namespace, '-o', `jsonpath=${template}`],
  );
  return text.split('\n').filter((line) => /Stale|Evict|RestartDeadline/.test(line));
}

/** When the operator said of pods that it evicts them, in epoch milliseconds: however busy this machine is. */
async function evictionTimes(): Promise<readonly number[]> {
  const template = '{range .items[?(@.reason=="StalePodEvicted")]}{.eventTime}{"\\n"}{end}';
  const text = await scene.kubectl(
    ...['get', 'events.events.k8s.io', '-n', EVICTED, '-o', `jsonpath=${template}`],
  );
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => Date.parse(line)).toSorted((a, b) => a - b);
}

/** As the controller for budgets says it once enough pods are ready; there is none here. */
async function allowDisruptions(disruptionsAllowed: number): Promise<void> {
  const counts = { currentHealthy: 4, desiredHealthy: 2, expectedPods: 4 };
  const status = { observedGeneration: 1, disruptionsAllowed, ...counts };
  const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
  await scene.kubectl('patch', 'pdb', 'db', '-n', EVICTED, ...patch);
}

function saidOf(workspace: string): Promise<string> {
  return scene.condition('RestartRequired', 'spa', workspace);
}

function deadlineOf(workspace: string): Promise<string> {
  return scene.field('{.status.staleWorkloads[0].deadline}', 'spa', workspace);
}

describe('at the deadline of a policy, one story, in this order', () => {
  it(
    'the status names it as soon as the policy changes, and nothing is done yet, nor by the next leader',
    async () => {
      changedMs = Date.now();
      for (const name of Object.keys(ACTIONS)) await scene.apply(policyOf(name, 'RESTRICTED_ACCESS'));
      await until('it is named', async () =>
        /From \S+ on the policy isolates those/.test(await saidOf(ISOLATED)),
      );
      const deadline = await deadlineOf(ISOLATED);
      expect(Math.abs(Date.parse(deadline) - changedMs - PERIOD_MS)).toBeLessThan(15_000);
      const actions = '{.status.staleWorkloads[*].deadlineAction}';
      await until('each action is named', async () =>
        /^(Evict Isolate|Isolate Evict)$/.test(await scene.field(actions, 'spa', EVICTED)),
      );
      await operator.stop();
      operator = await scene.startOperator({ identity: 'operator-2' });
      expect(await deadlineOf(ISOLATED)).toBe(deadline);
      expect(await podsOf(ISOLATED)).toEqual([expect.stringMatching(/ full$/)]);
      expect((await dbPods()).old).toHaveLength(2);
    },
    STORY_MS,
  );

  it(
    'a running pod is isolated: its label has the lane of the policy, it says why, and is listed until it restarts',
    async () => {
      const deadlineMs = Date.parse(await deadlineOf(ISOLATED));
      await until('it is', async () => / enforced$/.test((await podsOf(ISOLATED))[0] ?? ''), 90_000);
      expect(Date.now()).toBeGreaterThanOrEqual(deadlineMs);
      expect(Date.now()).toBeLessThan(deadlineMs + 20_000);
      const annotations = await scene.field('{.items[0].metadata.annotations}', 'pods', '-n', ISOLATED);
      expect(annotations).toContain('"sallyport.dev/isolated-by":"STALE_WORKLOADS"');
      expect(annotations).toContain('"sallyport.dev/moved-from":"full"');
      await until('an Event says it', async () =>
        (await events(ISOLATED)).some((line) => line.startsWith('Warning StalePodIsolated web-')),
      );
      await scene.untilCondition(
        'RestartRequired',
        'True StricterPodsRunning Pods were isolated at the deadline of the policy (1 pod): restart Deployment "web"',
        ...['spa', ISOLATED],
      );
      expect(await scene.field('{.status.staleWorkloads[0].isolated}', 'spa', ISOLATED)).toBe('1');
      await scene.kubectl('delete', 'pods', '--all', '-n', ISOLATED, '--force', '--grace-period=0');
      await scene.untilCondition('RestartRequired', 'False NothingToRestart', 'spa', ISOLATED);
    },
    STORY_MS,
  );

  it(
    'where the operator may not evict, the status says what to do, and a pod without a controller is isolated',
    async () => {
      await until(
        'the status says it',
        async () =>
          /Cannot evict pod "db-\S+" of deployment\/db: .* restarts\.evict=true/.test(await saidOf(EVICTED)),
        90_000,
      );
      expect((await dbPods()).old).toHaveLength(2);
      expect(await podsOf(EVICTED)).toContain('bare enforced');
    },
    STORY_MS,
  );

  it(
    'the budget is asked: what it refuses is tried again, and told by an Event',
    async () => {
      await scene.kubectl('apply', '-f', 'charts/sallyport/generated/eviction.yaml');
      await until(
        'the status says it',
        async () => (await saidOf(EVICTED)).includes('a PodDisruptionBudget allows no disruption now'),
        90_000,
      );
      expect((await dbPods()).old).toHaveLength(2);
      const refused = (await events(EVICTED)).filter((line) => line.includes('EvictionRefused db-'));
      expect(refused.join('\n')).toMatch(
        /a PodDisruptionBudget allows no disruption now: The disruption budget db .*kubectl sallyport restart deployment\/db -n /,
      );
      expect(refused.length).toBeLessThan(5);
    },
    STORY_MS,
  );

  it(
    'pods of one workload go one after the other, and the new ones are in their lane',
    async () => {
      await allowDisruptions(2);
      await until('one goes', async () => (await dbPods()).ending.length > 0, 120_000);
      await until('a new one comes', async () =>
        (await podsOf(EVICTED)).some((line) => / enforced$/.test(line)),
      );
      const { old, ending } = await dbPods();
      expect([old.length, ending.length]).toEqual([1, 1]);
      const [first = ''] = (ending[0] ?? '').split(' ');
      expect(await events(EVICTED)).toContainEqual(
        expect.stringMatching(new RegExp(`^Warning StalePodEvicted ${first}: `)),
      );
      await scene.kubectl('delete', 'pod', first, '-n', EVICTED, '--force', '--grace-period=0');
      await until('both were evicted', async () => (await evictionTimes()).length === 2);
      const [firstMs = 0, secondMs = 0] = await evictionTimes();
      expect(secondMs - firstMs).toBeGreaterThan(25_000);
      const left = (await dbPods()).ending.map((line) => line.split(' ')[0] ?? '');
      await scene.kubectl('delete', 'pod', 'bare', ...left, '-n', EVICTED, '--force', '--grace-period=0');
      await scene.untilCondition('RestartRequired', 'False NothingToRestart', 'spa', EVICTED);
    },
    STORY_MS,
  );

  it('each step of the countdown was told once, whoever led', async () => {
    const told = (await events('default')).filter((line) => line.includes('RestartDeadline'));
    const stepOf = (line: string): string => /: (Half|A tenth|\d+ pods? run)/.exec(line)?.[1] ?? line;
    for (const [workspace, deadlines] of [
      [ISOLATED, 1],
      [EVICTED, 2],
    ] as const) {
      const own = told.filter((line) => line.includes(` ${workspace}: `)).map(stepOf);
      expect(own.filter((step) => step === 'Half')).toHaveLength(deadlines);
      expect(own.filter((step) => step === 'A tenth')).toHaveLength(deadlines);
      expect(own).toHaveLength(3 * deadlines);
    }
    expect(operator.log()).not.toContain('"level":"error"');
  });
});
