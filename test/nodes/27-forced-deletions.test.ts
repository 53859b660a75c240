// A process that does not heed its end, in lane full: its tenant deletes the pod with its grace period, and then by
// force. The object stays, and the workspace says so, until the node has ended the process.
import { apply, kubectl, kubectlJson, tryKubectl } from '../support/nodes/commands.ts';
import { WORKLOAD_IMAGE, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const WORKSPACE = 'ws-forced';
const AS_TENANT = ['-n', WORKSPACE, '--as=forcing-tenant'];
const GRACE_SECONDS = 30;
const STUBBORN = `process.on('SIGTERM', () => {}); setInterval(() => {}, 60_000)`;
const POD = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'stubborn', namespace: WORKSPACE },
  spec: {
    terminationGracePeriodSeconds: GRACE_SECONDS,
    containers: [{ name: 'main', image: WORKLOAD_IMAGE, command: ['node', '--eval', STUBBORN] }],
  },
});

async function isReady(): Promise<string> {
  const { status } = await kubectlJson<{
    status?: { conditions?: readonly { type: string; status: string; reason: string }[] };
  }>(['get', 'spa', WORKSPACE]);
  const found = status?.conditions?.find(({ type }) => type === 'Ready');
  return `${found?.status} ${found?.reason}`;
}

async function phase(): Promise<string> {
  return await kubectl(['-n', WORKSPACE, 'get', 'pod', 'stubborn', '-o', 'jsonpath={.status.phase}']);
}

afterAll(() => kubectl(['delete', 'namespace', WORKSPACE, '--wait=false', '--ignore-not-found']));

test('a pod that its tenant deletes by force counts until its node has ended it', async () => {
  await apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${WORKSPACE}}}`);
  const accounts = ['-n', WORKSPACE, 'get', 'serviceaccount', 'default'];
  await until('pods may be made', async () => (await tryKubectl(accounts)).code === 0);
  const role = ['rolebinding', 'forcing-tenant', '--clusterrole=edit', '--user=forcing-tenant'];
  await kubectl(['-n', WORKSPACE, 'create', ...role]);
  await apply(POD);
  await until('it runs', async () => (await phase()) === 'Running');
  await apply(workspace(WORKSPACE, 54, 'policy-a'));
  await until('the workspace says it', async () => (await isReady()) === 'False MoreOpenPodsRunning');

  await kubectl([...AS_TENANT, 'delete', 'pod', 'stubborn', '--wait=false']);
  const forced = ['delete', 'pod', 'stubborn', '--force', '--grace-period=0', '--wait=false'];
  const { code, stderr } = await tryKubectl([...AS_TENANT, ...forced]);
  expect(code).not.toBe(0);
  expect(stderr).toContain(`Cannot delete pod "stubborn" in workspace "${WORKSPACE}" with grace period 0`);
  expect(stderr).toContain(`Use "kubectl delete pod stubborn -n ${WORKSPACE} --now"`);
  expect(await phase()).toBe('Running');
  expect(await isReady()).toBe('False MoreOpenPodsRunning');

  await until('nothing is left of it', async () => (await isReady()) !== 'False MoreOpenPodsRunning');
  const ended = '{.status.containerStatuses[0].state.terminated.finishedAt}';
  const { code: gone, stdout } = await tryKubectl([
    ...['-n', WORKSPACE, 'get', 'pod', 'stubborn', '-o', `jsonpath=${ended}`],
  ]);
  expect(gone !== 0 || stdout !== '').toBe(true);
});
