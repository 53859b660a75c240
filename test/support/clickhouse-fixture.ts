// ClickHouse's own engine behind a small HTTP front, for tests: it can be killed and started again on the same data, and
// whatever is between it and its clients can lose answers.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ClickhouseCredentials } from '../../operator/denials/store/clickhouse/clickhouse-connection.ts';
import { ClickhouseStore } from '../../operator/denials/store/clickhouse/clickhouse-store.ts';

export interface TestClickhouse {
  readonly url: URL;
  readonly user: typeof USER;
  /** Remembers the store and closes it at the end. */
  readonly open: (changes?: {
    readonly retentionMs?: number;
    readonly url?: URL;
    readonly credentials?: () => Promise<ClickhouseCredentials>;
  }) => Promise<ClickhouseStore>;
  /** As a power cut of the process: nothing is said to anybody. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** All in PEM. It asks clients for a certificate of that authority, and knows a user by it or by the password. */
export interface TestClickhouseTls {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthority: string;
}

const ROOT = join(import.meta.dirname, '../..');
const USER = { username: 'sallyport', password: 'a password' };
/** Without TLS. */
export const CREDENTIALS: ClickhouseCredentials = {
  ...USER,
  ...{ authority: undefined, certificate: undefined, key: undefined },
};
const YEAR_MS = 365 * 86_400_000;

export async function withClickhouse(
  folder: string,
  work: (clickhouse: TestClickhouse) => Promise<void>,
  tls?: TestClickhouseTls,
): Promise<void> {
  const chdb = execFileSync('bash', [join(ROOT, 'hack/chdb.sh')], { encoding: 'utf8' }).trim();
  const files = tls === undefined ? [] : await tlsFiles(folder, tls);
  let running: { readonly child: ChildProcess; readonly port: number } | undefined;
  const start = async (): Promise<void> => {
    running = await startFront(chdb, [join(folder, 'clickhouse'), String(running?.port ?? 0)], files);
  };
  const kill = async (): Promise<void> => {
    const { child } = running ?? {};
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  const url = new URL(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${running?.port ?? 0}`);
  const stores: ClickhouseStore[] = [];
  const open: TestClickhouse['open'] = async (changes = {}) => {
    const options = { url, credentials: async () => CREDENTIALS, retentionMs: YEAR_MS, ...changes };
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

/** Their paths, as arguments of the front. */
async function tlsFiles(
  folder: string,
  { certificate, key, clientAuthority }: TestClickhouseTls,
): Promise<readonly string[]> {
  const texts = [`${certificate}\n${key}`, clientAuthority];
  const paths = ['clickhouse.pem', 'clickhouse-clients.pem'].map((name) => join(folder, name));
  await Promise.all(paths.map((path, at) => writeFile(path, texts[at] ?? '')));
  return paths;
}

async function startFront(
  chdb: string,
  [directory = '', port = '0']: readonly string[],
  tls: readonly string[],
) {
  const program = join(ROOT, 'test/outside/clickhouse/server.py');
  const child = spawn('python3', [program, directory, port, USER.username, USER.password, ...tls], {
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
