// A policy that becomes stricter under running pods: the printed commands restart what runs under the former mode, and what
// nobody restarts is isolated or evicted after the period that the policy says.
import { runProgram } from '../support/cluster/run-program.ts';
import { sallyport } from '../support/nodes/asked-denials.ts';
import { apply, kubectl, kubectlJson } from '../support/nodes/commands.ts';
import { removeAgain } from '../support/nodes/installation.ts';
import { type Pod, pods, readyPods } from '../support/nodes/pods.ts';
import { workloadYaml } from '../support/nodes/probes.ts';
import { type Attempt, reach } from '../support/nodes/reach.ts';
import { client, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const ID = Math.floor(Date.now() / 1000);
const BY_HAND = 'restarts-by-hand';
const BY_PLUGIN = 'restarts-by-plugin';
const ISOLATED = 'restarts-isolated';
const EVICTED = 'restarts-evicted';
const ALL = [BY_HAND, BY_PLUGIN, ISOLATED, EVICTED];
/** Straight, past every gateway: of pods in lane full only. */
const OUT: Readonly<Record<'out', Attempt>> = {
  out: { way: 'to', url: 'https://denied.example/', address: '5.5.5.6' },
};
const CLOSED: unknown = expect.stringMatching(/^(silence|ECONNREFUSED|EHOSTUNREACH|EPERM)$/);
const PERIOD_SECONDS = 60;
const ENOUGH_MS = 180_000;

interface Assignment {
  readonly status: {
    readonly restartRequired: number;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
    }[];
    readonly staleWorkloads?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly command: string;
      readonly deadline?: string;
      readonly deadlineAction?: string;
    }[];
  };
}

function policyOf(name: string, mode: 'FULL_ACCESS' | 'RESTRICTED_ACCESS', action?: string): string {
  const stale = action === undefined ? {} : { staleWorkloads: { action, afterSeconds: PERIOD_SECONDS } };
  return `${JSON.stringify({
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'NetworkPolicy',
    metadata: { name },
    spec: { egress: { networkAccess: { restrictionMode: mode } }, ...stale },
  })}\n---\n`;
}

function assignment(name: string): Promise<Assignment> {
  return kubectlJson<Assignment>(['get', 'spa', name]);
}

/** "True Ready". */
async function condition(name: string, type: string): Promise<string> {
  const { status } = await assignment(name);
  const found = status.conditions.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
}

async function lanesOf(namespace: string): Promise<readonly string[]> {
  const { items } = await kubectlJson<{ items: readonly Pod[] }>(['-n', namespace, 'get', 'pod']);
  return items
    .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase === 'Running')
    .map(({ metadata }) => metadata.labels['sallyport.dev/lane'] ?? '');
}

async function reasonsOf(namespace: string, object: string): Promise<readonly string[]> {
  const text = await kubectl(['-n', namespace, 'describe', ...object.split(' ')]);
  return [...text.matchAll(/^\s*(?:Warning|Normal)\s+(\w+)/gm)].map(([, reason = '']) => reason);
}

/** Of each workload that is restarted by hand. */
async function untilEvents(reason: string): Promise<void> {
  for (const object of ['deploy client', 'sts store', 'job load'])
    await until(`${object} has ${reason}`, async () => (await reasonsOf(BY_HAND, object)).includes(reason));
}

async function startOpen(name: string, action?: string): Promise<void> {
  await apply(
    policyOf(name, 'FULL_ACCESS', action) + workspace(name, ID + ALL.indexOf(name), name) + client(name),
  );
  await kubectl(['-n', name, 'rollout', 'status', 'deploy/client', '--timeout=120s']);
  expect(await reach(name, OUT)).toEqual({ out: '200' });
}

async function restrict(name: string, workloads: number, action?: string): Promise<void> {
  await apply(policyOf(name, 'RESTRICTED_ACCESS', action));
  await until(`${workloads} workloads of ${name} must restart`, async () => {
    const { status } = await assignment(name);
    return status.restartRequired === workloads;
  });
  expect([await condition(name, 'RestartRequired'), await condition(name, 'Ready')]).toEqual([
    'True MoreOpenPodsRunning',
    'False MoreOpenPodsRunning',
  ]);
}

async function untilNothingToRestart(name: string): Promise<void> {
  await until(
    `nothing of ${name} must restart`,
    async () => (await condition(name, 'RestartRequired')) === 'False NothingToRestart',
    ENOUGH_MS,
  );
  await until(`${name} is ready`, async () => (await condition(name, 'Ready')) === 'True Ready', ENOUGH_MS);
  expect((await assignment(name)).status.restartRequired).toBe(0);
}

afterAll(() => removeAgain(ALL, ALL));

test('the printed commands restart a Deployment, a StatefulSet and a Job, and nothing is left', async () => {
  await startOpen(BY_HAND);
  const stay = { namespace: BY_HAND, attempts: [] };
  const workloads = [
    await workloadYaml({ ...stay, kind: 'StatefulSet', name: 'store' }),
    await workloadYaml({ ...stay, kind: 'Job', name: 'load', stays: true }),
  ];
  await apply(workloads.join(''));
  await until('they run', async () => (await lanesOf(BY_HAND)).length === 3);
  await restrict(BY_HAND, 3);
  // Until they restart, pods keep what they started with.
  expect(await reach(BY_HAND, OUT)).toEqual({ out: '200' });
  const shown = await sallyport('restarts', '-n', BY_HAND);
  process.stderr.write(`${shown.stdout}${shown.stderr}`);
  const { staleWorkloads = [] } = (await assignment(BY_HAND)).status;
  expect(staleWorkloads.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual([
    'Deployment client',
    'Job load',
    'StatefulSet store',
  ]);
  await untilEvents('RestartRequired');
  for (const { command } of staleWorkloads) {
    for (const line of command.split('\n')) expect(shown.stdout).toContain(line);
    const { code, stderr } = await runProgram('bash', ['-euc', command]);
    expect([command, code, stderr]).toEqual([command, 0, expect.anything()]);
  }
  await untilNothingToRestart(BY_HAND);
  expect(new Set(await lanesOf(BY_HAND))).toEqual(new Set(['enforced']));
  expect(await reach(BY_HAND, OUT)).toEqual({ out: CLOSED });
  await untilEvents('RestartCompleted');
}, 600_000);

test('kubectl sallyport restart restarts all of them, and waits until nothing is left', async () => {
  await startOpen(BY_PLUGIN);
  await apply(await workloadYaml({ namespace: BY_PLUGIN, attempts: [], kind: 'StatefulSet', name: 'store' }));
  await until('they run', async () => (await lanesOf(BY_PLUGIN)).length === 2);
  await restrict(BY_PLUGIN, 2);
  const tried = await sallyport('restart', '--all', '-n', BY_PLUGIN, '--dry-run');
  process.stderr.write(`${tried.code}\n${tried.stdout}${tried.stderr}`);
  expect((await assignment(BY_PLUGIN)).status.restartRequired).toBe(2);
  const { code, stdout, stderr } = await sallyport('restart', '--all', '-n', BY_PLUGIN, '--yes');
  process.stderr.write(`${stdout}${stderr}`);
  expect([code, new Set(await lanesOf(BY_PLUGIN))]).toEqual([0, new Set(['enforced'])]);
  await untilNothingToRestart(BY_PLUGIN);
}, 600_000);

test('after its period a pod that nobody restarted is isolated', async () => {
  await startOpen(ISOLATED, 'Isolate');
  const [before] = await readyPods(ISOLATED, 'app=client');
  await restrict(ISOLATED, 1, 'Isolate');
  const restrictedMs = Date.now();
  const [stale] = (await assignment(ISOLATED)).status.staleWorkloads ?? [];
  expect(stale).toMatchObject({ deadlineAction: 'Isolate' });
  const dueMs = Date.parse(stale?.deadline ?? '');
  expect(dueMs).toBeGreaterThan(restrictedMs);
  // To the minute.
  expect((await sallyport('restarts', '-n', ISOLATED)).stdout).toContain(stale?.deadline?.slice(0, 16));
  expect(await reach(ISOLATED, OUT)).toEqual({ out: '200' });
  await until(
    'it is in the lane of the policy',
    async () => (await lanesOf(ISOLATED)).includes('enforced'),
    ENOUGH_MS,
  );
  expect(Date.now()).toBeGreaterThanOrEqual(dueMs);
  await until('it cannot get out', async () => (await reach(ISOLATED, OUT)).out !== '200');
  expect(await reach(ISOLATED, OUT)).toEqual({ out: CLOSED });
  const [after] = await pods(ISOLATED, 'app=client');
  expect(after?.metadata.uid).toBe(before?.metadata.uid);
  await until('it is ready', async () => (await condition(ISOLATED, 'Ready')) === 'True Ready', ENOUGH_MS);
}, 600_000);

test('after its period a pod that nobody restarted is evicted, and replaced in the lane of the policy', async () => {
  await startOpen(EVICTED, 'Evict');
  const [before] = await readyPods(EVICTED, 'app=client');
  await restrict(EVICTED, 1, 'Evict');
  await untilNothingToRestart(EVICTED);
  await kubectl(['-n', EVICTED, 'rollout', 'status', 'deploy/client', '--timeout=120s']);
  const [after] = await readyPods(EVICTED, 'app=client');
  expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
  expect(await lanesOf(EVICTED)).toEqual(['enforced']);
  expect(await reach(EVICTED, OUT)).toEqual({ out: CLOSED });
}, 600_000);
