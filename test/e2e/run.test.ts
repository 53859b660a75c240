// `sallyport run` from its start to its end, through kills on either side: what it prints, what it leaves behind, and
// what its workloads feel of it.
import { exec } from 'node:child_process';
import { lstat, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';
import { Scene } from './scene.ts';

const ALLOWED = 'https://allowed.example.com/';
const LATER = 'https://later.example.com/';

let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open(['allowed.example.com', 'later.example.com'], {
    'alpha.yaml': workspaceYaml('alpha', allow(['allowed.example.com'])),
  });
});

afterEach(() => scene.remove());

function forbidden(number: number): string {
  return `https://forbidden-${number}.example.com/`;
}

/** How often each destination is in the denial log. */
async function loggedCounts(): Promise<Readonly<Record<string, unknown>>> {
  const sql =
    'select destination, count(*)::int as n from system.access.outbound_network group by all order by all';
  const answer = await queryDenials({ ...statePaths(scene.state()), sql });
  if ('error' in answer) throw new Error(answer.error);
  return Object.fromEntries(answer.rows.map(({ destination, n }) => [String(destination), n]));
}

async function rowsLogged(count: number): Promise<void> {
  await until(
    `${count} destinations are in the denial log`,
    async () => Object.keys(await loggedCounts()).length >= count,
  );
}

/** What of the state directory other users may read, write or enter. */
async function openToOthers(state: string): Promise<readonly string[]> {
  const names = ['', ...(await readdir(state, { recursive: true }))];
  const open = await Promise.all(
    names.map(async (name) => {
      const found = await lstat(join(state, name));
      // The modes of links are not used.
      return !found.isSymbolicLink() && (found.mode & 0o077) !== 0;
    }),
  );
  return names.filter((_name, at) => open[at]);
}

test('run prints the workspaces, writes endpoints.json, and ends with Ctrl-C, its Envoy with it', async () => {
  const command = await scene.running();
  const { workspaces } = await scene.endpoints();
  const [alpha] = workspaces;
  expect(alpha).toMatchObject({
    workspace: 'alpha',
    workspaceId: 'id-of-alpha',
    networkPolicyId: 'alpha-policy',
  });
  expect(workspaces).toHaveLength(1);
  expect(alpha?.products).toHaveLength(11);
  const jobs = alpha?.products.find(({ product }) => product === 'JOBS');
  expect(command.text).toMatch(/^WORKSPACE +ID +POLICY +ENFORCEMENT +PRODUCT +LANE +PROXY$/m);
  expect(command.text).toMatch(/^alpha +id-of-alpha +alpha-policy +enforced +DBSQL +enforced +http:/m);
  expect(command.text).toMatch(new RegExp(`^ +JOBS +enforced +${jobs?.proxy}$`, 'm'));
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok', status: 200 });
  expect(await scene.asks(forbidden(0), 'alpha')).toMatchObject({ outcome: 'refused' });
  await rowsLogged(1);
  const [, hint = ''] = await command.says(/query them with: (.+)$/m);
  expect((await promisify(exec)(hint)).stdout).toMatch(
    /^\S+ +DROP +alpha +General Compute +forbidden-0\.example\.com:443 /m,
  );
  expect(await openToOthers(scene.state())).toEqual([]);
  expect(await scene.asks(forbidden(1), 'alpha')).toMatchObject({ outcome: 'refused', proxyStatus: 403 });
  await command.says(/ DROP +alpha\/JOBS +forbidden-1\.example\.com:443 +DESTINATION_NOT_ALLOWED$/m);
  const { status, stderr } = await command.end('SIGINT');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(await scene.envoy()).toBeUndefined();
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'failed' });
});

test('run, interrupted before it is ready, ends in good order and leaves no Envoy', async () => {
  const command = scene.run();
  await command.says(/Finding Envoy/);
  expect(await command.end('SIGINT')).toMatchObject({ status: 0, stderr: '' });
  expect(await scene.envoy()).toBeUndefined();
});

test('run ends, its Envoy with it, when nobody reads its output any more', async () => {
  const command = await scene.running();
  command.closeOutput();
  await scene.asks(forbidden(1), 'alpha');
  expect(await command.ended()).toMatchObject({ status: 0, stderr: '' });
  expect(await scene.envoy()).toBeUndefined();
});

test('run, killed, leaves an Envoy that continues to enforce; the next run adopts it and logs each denial once', async () => {
  const first = await scene.running();
  await scene.asks(forbidden(1), 'alpha');
  await rowsLogged(1);
  await first.end('SIGKILL');
  const envoy = await scene.envoy();
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok' });
  expect(await scene.asks(forbidden(2), 'alpha')).toMatchObject({ outcome: 'refused' });
  const second = await scene.running();
  expect(second.text).toContain(`Adopted the Envoy that still runs (pid ${envoy?.pid})`);
  await scene.asks(forbidden(3), 'alpha');
  await rowsLogged(3);
  expect(await scene.envoy()).toEqual(envoy);
  expect(await loggedCounts()).toEqual({
    'forbidden-1.example.com': 1,
    'forbidden-2.example.com': 1,
    'forbidden-3.example.com': 1,
  });
  expect(await second.end('SIGTERM')).toMatchObject({ status: 0 });
  expect(await scene.envoy()).toBeUndefined();
});

test('run has an Envoy that it adopts take ranges that the former run did not deny', async () => {
  const first = await scene.running();
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok' });
  await first.end('SIGKILL');
  const envoy = await scene.envoy();
  await scene.running(['--deny-range', scene.outside.openRange]);
  expect(await scene.envoy()).toEqual(envoy);
  expect(await scene.asks(ALLOWED, 'alpha')).not.toMatchObject({ outcome: 'ok' });
  expect(scene.outside.arrivalsFor(new URL(ALLOWED).hostname)).toHaveLength(1);
});

test('run starts an Envoy again that was killed, says so, and requests work again', async () => {
  const command = await scene.running();
  await scene.asks(forbidden(1), 'alpha');
  // A killed Envoy takes with it what it has not written yet, up to 100 ms of its log.
  await rowsLogged(1);
  const envoy = await scene.envoy();
  process.kill(envoy?.pid ?? 0, 'SIGKILL');
  await command.says(
    new RegExp(`Failure +Envoy \\(pid ${envoy?.pid}\\) is gone: it ended with SIGKILL; starting it again`),
  );
  const [, pid] = await command.says(/Started Envoy again \(pid (\d+)\)/);
  expect(Number(pid)).toBe((await scene.envoy())?.pid);
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok' });
  expect(await scene.asks(forbidden(2), 'alpha')).toMatchObject({ outcome: 'refused' });
  await rowsLogged(2);
  await scene.write('alpha.yaml', workspaceYaml('alpha', allow(['later.example.com'])));
  await until('the change counts', async () => (await scene.asks(LATER, 'alpha')).outcome === 'ok');
});

test('run applies a change of the folder, and allows and denies accordingly', async () => {
  const command = await scene.running();
  expect(await scene.asks(LATER, 'alpha')).toMatchObject({ outcome: 'refused' });
  await scene.write('alpha.yaml', workspaceYaml('alpha', allow(['later.example.com'])));
  await until('the change counts', async () => (await scene.asks(LATER, 'alpha')).outcome === 'ok');
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'refused' });
  await command.says(/^Enforced: \S+ \S+$/m);
  // In place, as an editor or "cp" does it.
  await writeFile(join(scene.folder, 'beta.yaml'), workspaceYaml('beta', allow(['allowed.example.com'])));
  await command.says(/^beta +id-of-beta +beta-policy +enforced/m);
  expect(await scene.asks(ALLOWED, 'beta')).toMatchObject({ outcome: 'ok' });
});

test('run rejects a state directory that another run uses, and leaves that one alone', async () => {
  const first = await scene.running();
  const second = await scene.run().ended();
  expect(second.status).toBe(1);
  expect(second.stderr).toBe(
    `Cannot use state directory "${scene.state()}": process ${first.pid} uses it; end that process, or choose another with --state\n`,
  );
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok' });
  expect(await first.end('SIGINT')).toMatchObject({ status: 0 });
});

test('run passes over ports that another run has, so that no two gateways share one', async () => {
  const command = await scene.running();
  const otherState = scene.state('other');
  await scene.running(['--state', otherState]);
  const taken = new Set(await scene.proxies());
  const others = await scene.proxies(otherState);
  expect(others).toHaveLength(11);
  expect(others.filter((proxy) => taken.has(proxy))).toEqual([]);
  await command.end('SIGINT');
  await scene.running();
  expect(await scene.proxies()).toEqual([...taken]);
});
