// Pods that wait when their Namespace becomes a workspace: in an init container, and at a scheduling gate. On the network
// of its node the first cannot be stopped, so the workspace says so as long as it is there; the second stays. On a network
// of its own it reaches nothing any more, at the latest when the workspace is Ready. One that runs keeps what it has,
// without a gap.
import { apply, kubectl, kubectlJson, tryKubectl } from '../support/nodes/commands.ts';
import { WORKLOAD_IMAGE, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const WORKSPACE = 'ws-found';
const OWN_NETWORK = 'ws-found-own';
const RUNNING = 'ws-found-running';
const LONG = 'setInterval(() => {}, 60_000)';
const UNTIL_TOLD = `setInterval(() => require('node:fs').existsSync('/dev/shm/go') && process.exit(0), 100)`;

/** Tries every 100 ms, and writes when it did and whether anybody answered. */
const CONNECTS = `setInterval(() => {
  const at = Date.now();
  const socket = require('node:net').connect({ host: '5.5.5.5', port: 443 });
  const say = (what) => () => (console.log(at, what), socket.destroy());
  socket.once('connect', say('open')).once('error', say('closed')).setTimeout(1000, say('closed'));
}, 100)`;

function container(program: string): object {
  return { image: WORKLOAD_IMAGE, command: ['node', '--eval', program] };
}

function pod(name: string, more: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: WORKSPACE },
    spec: {
      hostNetwork: true,
      terminationGracePeriodSeconds: 1,
      initContainers: [{ name: 'first', ...container(UNTIL_TOLD) }],
      containers: [{ name: 'main', ...container(LONG) }],
      ...more,
    },
  });
}

async function field(path: string, ...object: readonly string[]): Promise<string> {
  return await kubectl(['-n', WORKSPACE, 'get', ...object, '-o', `jsonpath=${path}`]);
}

async function condition(type: string, name = WORKSPACE): Promise<string> {
  const { status } = await kubectlJson<{
    status?: { conditions?: readonly { type: string; status: string; reason: string; message: string }[] };
  }>(['get', 'spa', name]);
  const found = status?.conditions?.find((one) => one.type === type);
  return `${found?.status} ${found?.reason} ${found?.message}`;
}

afterAll(() =>
  kubectl(['delete', 'namespace', WORKSPACE, OWN_NETWORK, RUNNING, '--wait=false', '--ignore-not-found']),
);

test('a pod that waits on the network of its node does not pass for sealed, and does not leave its gate', async () => {
  await namespace(WORKSPACE);
  await apply(pod('slow', {}));
  await apply(pod('gated', { schedulingGates: [{ name: 'example.com/quota' }] }));
  const first = '{.status.initContainerStatuses[0].state.running.startedAt}';
  await until('its init container runs', async () => (await field(first, 'pod', 'slow')) !== '');
  await apply(workspace(WORKSPACE, 51, 'policy-a'));
  const named =
    'False MoreOpenPodsRunning Pods run in lanes more open than the policy says (2 in lane "full")';
  await until('the workspace says it', async () => (await condition('Ready')).startsWith(named));
  expect(await condition('RestartRequired')).toContain(
    'pod "gated" by hostNetwork; pod "slow" by hostNetwork',
  );
  const remove = ['--type=merge', '-p', JSON.stringify({ spec: { schedulingGates: null } })];
  const { stderr } = await tryKubectl(['-n', WORKSPACE, 'patch', 'pod', 'gated', ...remove]);
  expect(stderr).toContain('Cannot remove a scheduling gate of pod "gated" with hostNetwork');
  const go = `require('node:fs').writeFileSync('/dev/shm/go', '')`;
  await kubectl(['-n', WORKSPACE, 'exec', 'slow', '-c', 'first', '--', 'node', '--eval', go]);
  await until('the slow one runs', async () => (await field('{.status.phase}', 'pod', 'slow')) === 'Running');
  expect(await condition('Ready')).toContain(named);
  await kubectl(['-n', WORKSPACE, 'delete', 'pod', 'slow', 'gated']);
  await until('nothing goes past its lane', async () =>
    (await condition('RestartRequired')).startsWith('False NothingToRestart'),
  );
});

interface Attempt {
  readonly atMs: number;
  readonly isOpen: boolean;
}

async function attempts(namespace: string, name: string): Promise<readonly Attempt[]> {
  const { code, stdout } = await tryKubectl(['-n', namespace, 'logs', name, '-c', 'first']);
  const lines = code === 0 ? stdout.trim().split('\n').filter(Boolean) : [];
  return lines.map((line) => ({ atMs: Number(line.split(' ')[0]), isOpen: line.endsWith('open') }));
}

async function namespace(name: string): Promise<void> {
  await apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`);
  const accounts = ['-n', name, 'get', 'serviceaccount', 'default'];
  await until('pods may be made', async () => (await tryKubectl(accounts)).code === 0);
}

test('a pod in its init container gets nothing through any more when the workspace is Ready', async () => {
  await namespace(OWN_NETWORK);
  const spec = {
    terminationGracePeriodSeconds: 1,
    initContainers: [{ name: 'first', ...container(CONNECTS) }],
    containers: [{ name: 'main', ...container(LONG) }],
  };
  const metadata = { name: 'slow', namespace: OWN_NETWORK };
  await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }));
  await until('it gets out', async () => (await attempts(OWN_NETWORK, 'slow')).some(({ isOpen }) => isOpen));
  await apply(workspace(OWN_NETWORK, 52, 'policy-a'));
  await until('the workspace is Ready', async () =>
    (await condition('Ready', OWN_NETWORK)).startsWith('True'),
  );
  const path = '{.status.conditions[?(@.type=="Ready")].lastTransitionTime}';
  const readyMs = Date.parse(await kubectl(['get', 'spa', OWN_NETWORK, '-o', `jsonpath=${path}`]));
  await until(
    'it has tried on',
    async () => (await attempts(OWN_NETWORK, 'slow')).filter(({ atMs }) => atMs > readyMs).length > 100,
  );
  const open = (await attempts(OWN_NETWORK, 'slow')).filter(({ isOpen }) => isOpen);
  console.log(`the last connection was open ${readyMs - (open.at(-1)?.atMs ?? 0)} ms before Ready`);
  expect(open.filter(({ atMs }) => atMs >= readyMs)).toEqual([]);
});

test('a pod that runs keeps what it has, without a gap', async () => {
  await namespace(RUNNING);
  const spec = { terminationGracePeriodSeconds: 1, containers: [{ name: 'first', ...container(CONNECTS) }] };
  const metadata = { name: 'old', namespace: RUNNING };
  await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }));
  const tried = (): Promise<readonly Attempt[]> => attempts(RUNNING, 'old');
  await until('it gets out', async () => (await tried()).some(({ isOpen }) => isOpen));
  const labelledMs = Date.now();
  await apply(workspace(RUNNING, 53, 'policy-a'));
  const counts = 'False MoreOpenPodsRunning';
  await until('its workspace counts it', async () => (await condition('Ready', RUNNING)).startsWith(counts));
  const countedMs = Date.now();
  await until(
    'it has tried on for 15 s',
    async () => ((await tried()).at(-1)?.atMs ?? 0) > countedMs + 15_000,
  );
  const since = (await tried()).filter(({ atMs }) => atMs >= labelledMs);
  console.log(`${since.length} connections, ${countedMs - labelledMs} ms from the label until it counts`);
  expect(since.filter(({ isOpen }) => !isOpen)).toEqual([]);
});
