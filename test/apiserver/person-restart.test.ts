// `kubectl sallyport restart` on a real API server with real admission. Deployments and ReplicaSets have their real
// controllers; a stub stands for that of notebooks: it deletes the pod of one that is stopped, and makes one else.
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubernetesObject, pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import { PODS } from '../../operator/model/cluster-resources.ts';
import { LANE_LABEL } from '../../operator/model/stamp.ts';
import { type RestartOptions, restartCommand } from '../../operator/roles/restart/command.ts';
import type { Confirm } from '../../operator/roles/suggest/apply-to-cluster.ts';
import {
  type AdmissionScene,
  create,
  PLAIN,
  podOf,
  READY,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { podsOf, replicated, Said, setLane, untilPods } from '../support/cluster/lane-changes.ts';
import { getWhenServed } from '../support/cluster/object-reader.ts';
import { workloadCrds } from '../support/cluster/workload-kinds.ts';

const NOTEBOOKS = {
  ...{ apiVersion: 'kubeflow.org/v1', kind: 'Notebook', plural: 'notebooks', isNamespaced: true },
};
const STOPPED = 'kubeflow-resource-stopped';
const MERGE = { method: 'PATCH', contentType: 'application/merge-patch+json' } as const;

let scene: AdmissionScene;
/** Has the ClusterRole edit in the workspace, and may change notebooks, as developers do. */
let ada: string;
let viewer: string;
const stub = new AbortController();
let stubbing: Promise<void>;
/** What the stub saw of notebooks: how many pods each had when it was stopped or started. */
const seen: string[] = [];

beforeAll(async () => {
  scene = await startAdmissionScene();
  const { controlPlane } = scene;
  ada = await controlPlane.kubeconfigFor({ user: 'edit' });
  viewer = await controlPlane.kubeconfigFor({ user: 'vera' });
  await kubectl(['apply', '--server-side', '-f', '-'], workloadCrds([NOTEBOOKS]));
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd/notebooks.kubeflow.org']);
  await kubectl([
    'create',
    'clusterrole',
    'notebooks',
    '--verb=get,patch',
    '--resource=notebooks.kubeflow.org',
  ]);
  await kubectl(['create', 'rolebinding', '-n', READY, 'ada', '--clusterrole=notebooks', '--user=edit']);
  await kubectl(['create', 'rolebinding', '-n', READY, 'vera', '--clusterrole=view', '--user=vera']);
  await kubectl(['create', 'rolebinding', '-n', READY, 'vera-2', '--clusterrole=notebooks', '--user=vera']);
  stubbing = actOnNotebooks(stub.signal);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  stub.abort();
  await stubbing;
  await scene?.stop();
});

/** Everything that was there goes; then it is made in lane full, and the lane becomes enforced. */
async function given(...objects: readonly Parameters<typeof create>[1][]): Promise<void> {
  await kubectl(['delete', 'deployments,replicasets,notebooks.kubeflow.org', '--all', '-n', READY]);
  await kubectl(['delete', 'pods', '--all', '-n', READY, '--force', '--grace-period=0']);
  await untilPods(scene, 0);
  await setLane(scene, 'full', 'r8');
  for (const object of objects) await create(scene.root, object);
  await untilPods(scene, objects.length);
  await setLane(scene, 'enforced', 'r9');
  seen.length = 0;
}

async function kubectl(args: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await scene.controlPlane.kubectl(args, { stdin });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const notebook = (name: string) => ({
  ...{ apiVersion: NOTEBOOKS.apiVersion, kind: NOTEBOOKS.kind, metadata: { name, namespace: READY } },
});

async function actOnNotebooks(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const path = pathOf(NOTEBOOKS, { namespace: READY });
    const { items } = (await getWhenServed(scene.root, path)) as {
      readonly items: readonly KubernetesObject[];
    };
    const pods = await podsOf(scene);
    for (const one of items) await actOn(one, pods);
    await sleep(100);
  }
}

async function actOn({ metadata }: KubernetesObject, pods: readonly KubernetesObject[]): Promise<void> {
  const { name, annotations = {}, uid = '' } = metadata;
  const own = pods.filter((pod) => pod.metadata.labels?.['notebook-name'] === name);
  const isStopped = annotations[STOPPED] !== undefined;
  const note = `${name} ${isStopped ? 'stopped' : 'runs'} with ${own.length}`;
  if (seen.at(-1) !== note) seen.push(note);
  if (isStopped) {
    for (const pod of own)
      await scene.root.request({
        ...{ method: 'DELETE', path: pathOf(PODS, { namespace: READY, name: pod.metadata.name }) },
      });
  } else if (own.length === 0) {
    const { apiVersion, kind } = NOTEBOOKS;
    const pod = podOf(READY, { name: `${name}-0`, labels: { 'notebook-name': name } });
    const ownerReferences = [{ apiVersion, kind, name, uid, controller: true }];
    const metadataOfPod = { ...pod.metadata, ownerReferences };
    await create(scene.root, { ...pod, metadata: metadataOfPod });
  }
}

interface Run extends RestartOptions {
  readonly confirm?: Confirm;
  readonly signal?: AbortSignal;
  readonly width?: number;
}

async function restart(
  workload: string | readonly string[] | undefined,
  { confirm, signal, width, ...options }: Run = {},
) {
  const said = new Said();
  const code = await restartCommand(
    workload,
    { kubeconfig: ada, namespace: READY, ...options },
    {
      ...{ environment: {}, write: said.write, complain: said.complain, confirm, width },
      signal: signal ?? new AbortController().signal,
    },
  );
  return { code, out: said.out, err: said.err };
}

/** "enforced 2", sorted. */
async function lanes(): Promise<readonly string[]> {
  const pods = await podsOf(scene);
  const counts = Map.groupBy(pods, ({ metadata }) => metadata.labels?.[LANE_LABEL]);
  return [...counts].map(([lane, own]) => `${lane} ${own.length}`).toSorted();
}

const YES = { yes: true };
const MANY_COMMANDS_MS = 60_000;

test(
  'restart of a Deployment waits until no pod of its former lane is left, and changes nothing the second time',
  async () => {
    await given(replicated('Deployment', 'etl', 1));
    const { code, out } = await restart('deploy/etl', YES);
    expect(out).toContain('deployment/etl (1 pod, full -> restricted (more open)): Restart its rollout');
    expect(out).toContain('  PATCH deployments.apps/etl {"spec":{"template":{"metadata":{"annotations":');
    expect(out).toMatch(/^deployment\/etl is restarted: no stale pod is left \(pods now: 1\)$/m);
    expect(code).toBe(0);
    await until('a new pod', async () => ((await lanes()).join() === 'enforced 1' ? '' : 'none'));
    const { metadata } = JSON.parse(await kubectl(['get', 'deployment/etl', '-n', READY, '-o', 'json']));
    for (const name of ['deploy/etl', 'etl'])
      expect(await restart(name, YES)).toMatchObject({
        code: 0,
        out: expect.stringContaining(`"${name}" does not have to restart`),
      });
    const again = JSON.parse(await kubectl(['get', 'deployment/etl', '-n', READY, '-o', 'json']));
    expect(again.metadata.generation).toBe(metadata.generation);
  },
  MANY_COMMANDS_MS,
);

test(
  'restart of a notebook starts it once its pod is gone, and one that is stopped stays so',
  async () => {
    await given(notebook('ada'));
    const { code, out } = await restart('notebook/ada', YES);
    expect([code, out]).toEqual([0, expect.stringContaining('notebook/ada is restarted')]);
    await until('a new pod', async () => ((await lanes()).join() === 'enforced 1' ? '' : 'none'));
    expect(seen.filter((note) => note.startsWith('ada runs with 0'))).toHaveLength(1);
    expect(seen.findIndex((note) => note === 'ada runs with 0')).toBeGreaterThan(
      seen.findIndex((note) => note.startsWith('ada stopped')),
    );
  },
  MANY_COMMANDS_MS,
);

async function hold(pod: string, finalizers: readonly string[]): Promise<void> {
  const path = pathOf(PODS, { namespace: READY, name: pod });
  await scene.root.request({ ...MERGE, path, body: { metadata: { finalizers } } });
}

test(
  'restart that cannot go on says what keeps it, and how to start what it has stopped',
  async () => {
    await given(notebook('ada'));
    await hold('ada-0', ['example.com/hold']);
    const { code, err, out } = await restart('ada', { ...YES, timeout: '2s', width: 80 });
    expect(out).toContain('\nnotebook/ada: pods left: 1\n');
    expect([code, err.replaceAll(/\n {2}/g, ' ')]).toEqual([
      1,
      expect.stringMatching(
        /notebook\/ada: It was stopped and is not started again: Waited 2s in vain \(pods left: 1\): pod "ada-0" is to be gone by .*, and waits for finalizers example.com\/hold. It is left stopped; to start it:\nkubectl patch notebooks.kubeflow.org\/ada .*\n$/,
      ),
    ]);
    // It would start what somebody has stopped.
    const again = await restart('ada', YES);
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining('it is stopped already') });
    expect((await kubectl(['get', 'notebooks/ada', '-n', READY, '-o', 'yaml'])).includes(STOPPED)).toBe(true);
    await hold('ada-0', []);
    const command = err.trimEnd().split('\n').at(-1) ?? '';
    expect((await scene.controlPlane.shell(command)).stdout).toContain('patched');
    await until('a new pod', async () => ((await lanes()).join() === 'enforced 1' ? '' : 'none'));
  },
  MANY_COMMANDS_MS,
);

test(
  'restart that is interrupted says what it leaves, and begins nothing else',
  async () => {
    await given(notebook('ada'), notebook('bob'));
    await hold('ada-0', ['example.com/hold']);
    const interruption = new AbortController();
    const running = restart(undefined, { ...YES, all: true, signal: interruption.signal });
    await until('the stop', async () => (seen.some((note) => note.startsWith('ada stopped')) ? '' : 'none'));
    interruption.abort();
    const { code, out, err } = await running;
    expect(err).toContain(
      'notebook/ada: It was stopped and is not started again: Interrupted (pods left: 1). It is left stopped; to start it:\nkubectl patch ',
    );
    expect([code, out]).toEqual([1, expect.stringContaining('Restarted 0 of 2 workloads\n')]);
    expect(seen.some((note) => note.startsWith('bob stopped'))).toBe(false);
    await hold('ada-0', []);
  },
  MANY_COMMANDS_MS,
);

test(
  'restart --all goes on after what it cannot restart, deletes stale pods only, and says what is left',
  async () => {
    await given(
      podOf(READY, { name: 'agent', spec: { hostNetwork: true } }),
      podOf(READY, { name: 'tool' }),
      replicated('Deployment', 'etl', 1),
      replicated('ReplicaSet', 'pool', 1),
    );
    await kubectl(['scale', 'replicaset/pool', '-n', READY, '--replicas=2']);
    await untilPods(scene, 5);
    const kept = (await podsOf(scene)).find(({ metadata }) => metadata.labels?.[LANE_LABEL] === 'enforced');
    const { code, out } = await restart(undefined, { ...YES, all: true });
    expect(code).toBe(1);
    expect(out).toContain(
      'pod/tool: nothing makes a new pod in its place. By hand:\n  kubectl delete pod/tool',
    );
    expect(out).toContain('pod/agent: Its pods go past their lane through their node, by hostNetwork');
    expect(out).toContain('Restarted 2 of 4 workloads\n');
    const deleted = out.split('\n').filter((line) => line.includes('DELETE pods/'));
    expect(deleted).toEqual([expect.stringMatching(/^ {2}DELETE pods\/pool-/)]);
    expect((await podsOf(scene)).map(({ metadata }) => metadata.uid)).toContain(kept?.metadata.uid);
    await until('new pods', async () =>
      (await lanes()).join() === 'enforced 3,full 2' ? '' : (await lanes()).join(),
    );
    expect((await restart('tool', YES)).code).toBe(1);
  },
  MANY_COMMANDS_MS,
);

test(
  'restart --dry-run changes nothing, and says which right is missing',
  async () => {
    await given(notebook('ada'), replicated('Deployment', 'etl', 1), replicated('ReplicaSet', 'pool', 1));
    const before = await lanes();
    const { code, out } = await restart(undefined, { all: true, dryRun: true });
    expect(code).toBe(0);
    for (const line of [
      'deployment/etl: PATCH deployments.apps/etl would be accepted',
      'notebook/ada: PATCH notebooks.kubeflow.org/ada would be accepted',
      'replicaset/pool: DELETE pods/pool-',
      '  then wait until its pods are gone, for 10m at most\n',
      '\nNothing is changed\n',
    ])
      expect(out).toContain(line);
    const denied = await restart(undefined, { kubeconfig: viewer, all: true, dryRun: true });
    expect(denied.code).toBe(1);
    expect(denied.err).toMatch(
      /^deployment\/etl: PATCH deployments.apps\/etl would be denied: .*cannot patch.*; ask somebody who may patch deployments.apps there$/m,
    );
    expect(denied.err).toMatch(/^replicaset\/pool: DELETE pods\/pool-\w+ would be denied: /m);
    expect(denied.out).toContain('notebook/ada: PATCH notebooks.kubeflow.org/ada would be accepted\n');
    const failed = await restart('etl', { kubeconfig: viewer, yes: true });
    expect([failed.code, failed.err]).toEqual([1, expect.stringMatching(/deployment\/etl: .*cannot patch/)]);
    expect([await lanes(), seen.some((note) => note.includes('stopped'))]).toEqual([before, false]);
  },
  MANY_COMMANDS_MS,
);

test(
  'restart asks, and does nothing without a yes',
  async () => {
    await given(replicated('Deployment', 'etl', 1));
    const questions: string[] = [];
    const answer =
      (isYes: boolean): Confirm =>
      async (text) => {
        questions.push(text);
        return isYes;
      };
    const declined = await restart('etl', { confirm: answer(false) });
    expect([declined.code, declined.out]).toEqual([1, expect.stringMatching(/\nNothing is changed\n$/)]);
    expect([await lanes(), questions]).toEqual([['full 1'], ['Restart? [y/N] ']]);
    expect(await restart('etl')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/this is no terminal/),
    });
    const pod = (await podsOf(scene))[0]?.metadata.name ?? '';
    expect((await restart(`pod/${pod}`, YES)).err).toContain('it is part of deployment/etl; restart that');
    expect((await restart('etl', { confirm: answer(true) })).code).toBe(0);
  },
  MANY_COMMANDS_MS,
);

test.each<[string | readonly string[] | undefined, Run, number, string]>([
  [['deploy', 'etl'], YES, 2, 'Cannot restart "deploy etl": write "deploy/etl"'],
  [['a', 'b', 'c'], YES, 2, 'Cannot restart "a b c": name one workload at a time'],
  ['etl', { ...YES, timeout: '0s' }, 2, '--timeout: Cannot use duration "0s": the shortest is "1s"'],
  [undefined, YES, 2, 'Cannot tell what to restart: '],
  ['etl', { ...YES, all: true }, 2, 'Cannot restart "etl" and --all'],
  ['a/b/c', YES, 2, 'Cannot read "a/b/c": '],
  ['etl', { ...YES, timeout: 'soon' }, 2, '--timeout: Cannot read duration "soon"'],
  ['nosuch', YES, 1, 'Cannot find "nosuch" in Namespace'],
  ['deployment/nosuch', YES, 1, 'Cannot find "deployment/nosuch" in Namespace'],
  ['gadget/etl', YES, 1, 'Cannot find a kind of workloads that is called "gadget"'],
  ['etl', { ...YES, namespace: PLAIN }, 1, `"${PLAIN}": it is no workspace`],
  ['etl', { ...YES, namespace: 'fresh' }, 1, 'the workspace is not ready'],
])('restart of %s with %j ends with %i', async (workload, options, status, sentence) => {
  const { code, err, out } = await restart(workload, options);
  expect({ code, out, err }).toEqual({ code: status, out: '', err: expect.stringContaining(sentence) });
});
