// The denial log of `sallyport run` is a process of its own: whatever happens to it, requests and DNS are answered as
// before, each denial has one row in the end, and the run still stops.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { queryDenials } from '../../operator/denials/query/query-denials.ts';
import { statePaths } from '../../operator/gateway/state/state-directory.ts';
import { DENIAL_LOG_PROGRAM } from '../../operator/roles/denial-log/calls.ts';
import { allow, workspaceYaml } from '../support/envoy/workspace-yaml.ts';
import { until } from '../support/until.ts';
import type { Command } from './command-line.ts';
import { Scene } from './scene.ts';

const ALLOWED = 'https://allowed.example.com/';

let scene: Scene;
let command: Command;

beforeEach(async () => {
  scene = await Scene.open(['allowed.example.com'], {
    'alpha.yaml': workspaceYaml('alpha', allow(['allowed.example.com'])),
  });
  command = await scene.running();
});

afterEach(() => scene.remove());

async function deny(number: number): Promise<void> {
  const asked = await scene.asks(`https://forbidden-${number}.example.com/`, 'alpha');
  expect(asked).toMatchObject({ outcome: 'refused', proxyStatus: 403 });
}

async function query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const answer = await queryDenials({ ...statePaths(scene.state()), sql });
  if ('error' in answer) throw new Error(answer.error);
  return answer.rows;
}

/** The numbers that have a row, each as often as it has one. */
async function logged(): Promise<readonly number[]> {
  const sql = `select regexp_extract(destination, 'forbidden-(\\d+)', 1)::int as n
    from system.access.outbound_network order by n`;
  return (await query(sql)).map(({ n }) => Number(n));
}

async function untilLogged(count: number): Promise<void> {
  await until(`${count} rows`, async () => (await logged().catch(() => [])).length >= count);
}

/** The process of the log. */
async function logPid(): Promise<number> {
  const children = await readFile(`/proc/${command.pid}/task/${command.pid}/children`, 'utf8');
  for (const pid of children.trim().split(' ')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.split('\0').includes(DENIAL_LOG_PROGRAM)) return Number(pid);
  }
  throw new Error(`Cannot find the process of the denial log among "${children}"`);
}

async function isGone(pid: number): Promise<boolean> {
  return await readFile(`/proc/${pid}/status`, 'utf8').then(
    (text) => text.includes('State:\tZ'),
    () => true,
  );
}

test('killed, it is started again; nobody else notices, and each denial has one row', async () => {
  const envoy = await scene.envoy();
  for (let number = 1; number <= 3; number += 1) {
    await deny(number);
    if (number > 1) await untilLogged(number - 1);
    const pid = await logPid();
    process.kill(pid, 'SIGKILL');
    expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok', status: 200 });
    await command.says(new RegExp(`The denial log \\(pid ${pid}\\) is gone: it ended with SIGKILL`));
    await until('another process is there', () =>
      logPid()
        .then((found) => found !== pid)
        .catch(() => false),
    );
  }
  await deny(4);
  await untilLogged(4);
  expect(await logged()).toEqual([1, 2, 3, 4]);
  expect(await scene.envoy()).toEqual(envoy);
  expect(await command.end('SIGTERM')).toMatchObject({ status: 0 });
  expect(await logged()).toEqual([1, 2, 3, 4]);
});

test('a caller without the secret is rejected, and the output says so', async () => {
  await deny(1);
  await untilLogged(1);
  const { querySecret } = statePaths(scene.state());
  const secret = await readFile(querySecret);
  await writeFile(querySecret, 'guessed');
  await expect(logged()).rejects.toThrow('presents another secret than');
  await command.says(/Rejected queries of the denial log, whose .*: 1/);
  await writeFile(querySecret, secret);
  expect(await logged()).toEqual([1]);
});

test('a query for 2 GB of text is rejected, and the process stays small', async () => {
  await deny(1);
  await untilLogged(1);
  const pid = await logPid();
  await expect(query(`select length(repeat('x', 2000000000)) as n`)).rejects.toThrow(
    'memory of the denial log',
  );
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  expect(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024).toBeLessThan(400);
  await deny(2);
  await untilLogged(2);
  expect(await logPid()).toBe(pid);
});

test.each([
  ['the log hangs', async () => process.kill(await logPid(), 'SIGSTOP')],
  ['Envoy hangs', async () => process.kill((await scene.envoy())?.pid ?? 0, 'SIGSTOP')],
  [
    'both hang',
    async () => {
      process.kill(await logPid(), 'SIGSTOP');
      process.kill((await scene.envoy())?.pid ?? 0, 'SIGSTOP');
    },
  ],
])('SIGTERM ends every process when %s', async (_what, prepare) => {
  await deny(1);
  // What a killed Envoy has not written is lost.
  await untilLogged(1);
  const pids = [await logPid(), (await scene.envoy())?.pid ?? 0];
  await prepare();
  await command.end('SIGTERM');
  for (const pid of pids) await until('it is gone', () => isGone(pid));
  expect(await logged()).toEqual([1]);
});

test('a database that is damaged while it is in use is set aside, and what was not yet stored comes into the new one', async () => {
  await deny(1);
  await untilLogged(1);
  const { database, root } = statePaths(scene.state());
  const pid = await logPid();
  process.kill(pid, 'SIGSTOP');
  await deny(2);
  await deny(3);
  await writeFile(database, (await readFile(database)).fill(7, 4096));
  process.kill(pid, 'SIGKILL');
  const [, path = ''] = await command.says(
    /Cannot use denial log ".*": .*; it is stored as "(.*)", and a new log begins/,
  );
  expect(path).toMatch(/denials-damaged-\d{8}T\d{6}Z\.duckdb$/);
  expect((await readdir(root)).filter((name) => name.includes('-damaged-'))).not.toEqual([]);
  await untilLogged(2);
  await deny(4);
  // The first one may be read again: its place in the spool was noted in the file that is set aside.
  await until('the last one has its row', async () =>
    (await logged().catch((): readonly number[] => [])).includes(4),
  );
  const found = await logged();
  expect(found.slice(-3)).toEqual([2, 3, 4]);
  expect(new Set(found).size).toBe(found.length);
  expect(await scene.asks(ALLOWED, 'alpha')).toMatchObject({ outcome: 'ok' });
});
