// A policy that goes into dry-run and back: running pods keep their lane until they restart, and say so; destinations
// change under running pods at once.
import { apply, kubectl, kubectlJson } from '../support/nodes/commands.ts';
import { onePod, SYSTEM } from '../support/nodes/pods.ts';
import { reach } from '../support/nodes/reach.ts';
import { client, policy, workspace } from '../support/nodes/workspaces.ts';
import { until } from '../support/until.ts';

const WORKSPACE = 'ws-lanes';
const restricted = { name: 'policy-lanes', mode: 'RESTRICTED_ACCESS' };

interface Conditioned {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
    }[];
  };
}

async function condition(type: string): Promise<string> {
  const { status } = await kubectlJson<Conditioned>(['get', 'spa', WORKSPACE]);
  const found = status.conditions.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
}

async function lanes(): Promise<readonly string[]> {
  const { spec } = await kubectlJson<{ spec: { lanes: readonly { lane: string }[] } }>([
    ...['-n', SYSTEM, 'get', 'workspaceplan', WORKSPACE],
  ]);
  return spec.lanes.map(({ lane }) => lane);
}

async function laneOfClient(): Promise<string> {
  return (await onePod(WORKSPACE, 'app=client')).metadata.labels['sallyport.dev/lane'] ?? '';
}

async function restarted(): Promise<void> {
  await kubectl(['-n', WORKSPACE, 'rollout', 'restart', 'deploy/client']);
  await kubectl(['-n', WORKSPACE, 'rollout', 'status', 'deploy/client', '--timeout=120s']);
}

async function askedByName(): Promise<Readonly<Record<string, string>>> {
  return await reach(WORKSPACE, {
    allowed: { way: 'proxy', url: 'https://allowed.example/' },
    later: { way: 'proxy', url: 'https://later.example/' },
  });
}

const NO = '403 DESTINATION_NOT_ALLOWED';

afterAll(() => kubectl(['delete', 'namespace', WORKSPACE, '--wait=false', '--ignore-not-found']));

test('a policy that goes into dry-run counts when pods restart, its destinations at once', async () => {
  await apply(policy({ ...restricted, destinations: ['allowed.example'] }));
  await apply(workspace(WORKSPACE, 50, 'policy-lanes') + client(WORKSPACE));
  await kubectl(['-n', WORKSPACE, 'rollout', 'status', 'deploy/client', '--timeout=120s']);
  expect([await laneOfClient(), await askedByName()]).toEqual(['enforced', { allowed: '200', later: NO }]);
  await apply(policy({ ...restricted, destinations: ['allowed.example'], enforcement: 'DRY_RUN' }));
  await until('there is a lane for it', async () => (await lanes()).includes('dry-run'));
  expect([await laneOfClient(), await askedByName()]).toEqual(['enforced', { allowed: '200', later: NO }]);
  await restarted();
  expect([await laneOfClient(), await askedByName()]).toEqual(['dry-run', { allowed: '200', later: '200' }]);
  await apply(policy({ ...restricted, destinations: ['later.example'] }));
  await until('a restart is required', async () =>
    (await condition('RestartRequired')).startsWith('True MoreOpenPodsRunning'),
  );
  await restarted();
  expect(await laneOfClient()).toBe('enforced');
  await until('the new destination is in force', async () => (await askedByName())['later'] === '200');
  expect(await askedByName()).toEqual({ allowed: NO, later: '200' });
  await until('it is ready', async () => (await condition('Ready')) === 'True Ready');
});
