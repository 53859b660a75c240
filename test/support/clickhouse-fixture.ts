// ClickHouse's own engine behind a small HTTP front, for tests: it can be killed and started again on the same data, and
// whatever is between it and its clients can lose answers.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClickhouseStore } from '../../operator/denials/store/clickhouse/clickhouse-store.ts';

export interface TestClickhouse {
  readonly url: URL;
  readonly user: typeof USER;
  /** Remembers the store and closes it at the end. */
  readonly open: (changes?: {
    readonly retentionMs?: number;
    readonly url?: URL;
  }) => Promise<ClickhouseStore>;
  /** As a power cut of the process: nothing is said to anybody. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
}

const ROOT = join(import.meta.dirname, '../..');
const USER = { username: 'sallyport', password: 'a password' };
const YEAR_MS = 365 * 86_400_000;

export async function withClickhouse(
  folder: string,
  work: (clickhouse: TestClickhouse) => Promise<void>,
): Promise<void> {
  const chdb = execFileSync('bash', [join(ROOT, 'hack/chdb.sh')], { encoding: 'utf8' }).trim();
  let running: { readonly child: ChildProcess; readonly port: number } | undefined;
  const start = async (): Promise<void> => {
    running = await startFront(chdb, [join(folder, 'clickhouse'), String(running?.port ?? 0)]);
  };
  const kill = async (): Promise<void> => {
    const { child } = running ?? {};
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  const url = new URL(`http://127.0.0.1:${running?.port ?? 0}`);
  const stores: ClickhouseStore[] = [];
  const open: TestClickhouse['open'] = async (changes = {}) => {
    const options = { url, auth: async () => USER, authority: undefined, retentionMs: YEAR_MS, ...changes };
    const store = await ClickhouseStore.open(options);
    stores.push(store);
    return store;
  };
  try {
    await work({ url, user: USER, open, kill, start });
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    await kill();
  }
}

async function startFront(chdb: string, [directory = '', port = '0']: readonly string[]) {
  const program = join(ROOT, 'test/outside/clickhouse/server.py');
  const child = spawn('python3', [program, directory, port, USER.username, USER.password], {
    env: { ...process.env, PYTHONPATH: chdb, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const failed = once(child, 'exit').then(() => {
    throw new Error('ClickHouse did not start: read its messages above');
  });
  failed.catch(() => undefined);
  const [line] = await Promise.race([once(lines, 'line'), failed]);
  return { child, port: Number(line) };
}
