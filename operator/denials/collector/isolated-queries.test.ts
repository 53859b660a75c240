// The process of a query: bounded in memory, used once, and there before the query is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { until } from '../../../test/support/until.ts';
import { heldBytes } from '../../lib/process-memory.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { IsolatedQueries, type IsolatedQueriesOptions } from './isolated-queries.ts';

/** Some 170 MB of memory, for a few looks at it. */
const LARGE =
  "select length(repeat('x', 150000000 + i)) as n, levenshtein(repeat('a', 12000 + i), repeat('b', 12000)) as far from (select range::int as i from range(1))";
const ENDLESS = "select levenshtein(repeat('a', 200000), repeat('b', 200000))";
const MB = 1024 * 1024;

interface QueryStage {
  readonly queries: IsolatedQueries;
  readonly answer: string;
  readonly ask: (sql: string, signal?: AbortSignal) => ReturnType<IsolatedQueries['ask']>;
}

function withQueries(
  work: (stage: QueryStage) => Promise<void>,
  options: IsolatedQueriesOptions = {},
): Promise<void> {
  return withFolder(async (folder) => {
    const database = join(folder, 'rows');
    await (await DenialStore.open(database)).close();
    const answer = join(folder, 'answer');
    const queries = new IsolatedQueries(options);
    const ask: QueryStage['ask'] = (sql, signal = new AbortController().signal) =>
      queries.ask({ database, sql, maxRows: 1, timeLimitMs: 30_000, format: 'json', answer }, signal);
    try {
      await work({ queries, answer, ask });
    } finally {
      await queries.close();
    }
  });
}

const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

test.each([
  ['ends before both fill the container', 100, { error: expect.stringContaining('within the memory') }],
  ['is answered where there is room', 1000, 'answered'],
])('the process of a query %s', (_what, roomMb, outcome) =>
  withQueries(async ({ ask }) => expect(await ask(LARGE)).toEqual(outcome), {
    limitBytes: heldBytes(process.pid) + roomMb * MB,
  }),
);

test('a process waits for the next query, runs it, and no other', () =>
  withQueries(async ({ queries, ask, answer }) => {
    expect(queries.pids).toEqual({ waiting: undefined, asked: [], running: [] });
    queries.prepare();
    const first = queries.pids.waiting;
    const asking = ask("select current_setting('TimeZone') as zone, current_database() as name");
    expect(queries.pids).toEqual({ waiting: undefined, asked: [first], running: [] });
    queries.prepare();
    expect(queries.pids.waiting).toBeUndefined();
    expect(await asking).toBe('answered');
    expect(JSON.parse(await readFile(answer, 'utf8'))).toMatchObject({
      rows: [{ zone: 'UTC', name: 'rows' }],
    });
    await until('another one waits', () => queries.pids.waiting !== undefined);
    expect(isRunning(first ?? 0)).toBe(false);
    const second = queries.pids.waiting;
    expect(second).toEqual(expect.any(Number));
    expect(second).not.toBe(first);
    await queries.close();
    expect(isRunning(second ?? 0)).toBe(false);
  }));

test('a process that ended while it waited is replaced, and nobody is told', () =>
  withQueries(async ({ queries, ask }) => {
    queries.prepare();
    const { waiting = 0 } = queries.pids;
    process.kill(waiting, 'SIGKILL');
    const asking = ask('select 1');
    expect(queries.pids.asked).toEqual([waiting]);
    expect(await asking).toBe('answered');
    await until('another one waits', () => queries.pids.waiting !== undefined);
    process.kill(queries.pids.waiting ?? 0, 'SIGKILL');
    await until('its end is known', () => queries.pids.waiting === undefined);
    expect(await ask('select 1')).toBe('answered');
  }));

test('a query that ended its process is not asked again', () =>
  withQueries(async ({ queries, ask }) => {
    const asking = ask(ENDLESS);
    await until('the query is under way', () => queries.pids.running.length > 0);
    const [pid = 0] = queries.pids.running;
    process.kill(pid, 'SIGKILL');
    expect(await asking).toEqual({ error: expect.stringContaining('within the memory') });
  }));

test('a query ends with its caller, and one whose caller has gone takes no process', () =>
  withQueries(async ({ queries, ask }) => {
    const caller = new AbortController();
    const asking = ask(ENDLESS, caller.signal);
    const [pid = 0] = queries.pids.asked;
    caller.abort();
    expect(await asking).toEqual({ error: 'Cannot finish the query: the caller has gone' });
    await until('another one waits', () => queries.pids.waiting !== undefined);
    expect(isRunning(pid)).toBe(false);
    const { waiting } = queries.pids;
    expect(await ask(ENDLESS, caller.signal)).toEqual({
      error: 'Cannot finish the query: the caller has gone',
    });
    expect(queries.pids.waiting).toBe(waiting);
  }));

test.each<[string, IsolatedQueriesOptions]>([
  ['when nobody has asked for long', { waitMs: 300 }],
  ['where both take too much memory', { limitBytes: 0 }],
])('a process that waits ends %s', (_when, options) =>
  withQueries(async ({ queries }) => {
    queries.prepare();
    const { waiting = 0 } = queries.pids;
    expect(isRunning(waiting)).toBe(true);
    await until('it has ended', () => !isRunning(waiting));
    expect(queries.pids.waiting).toBeUndefined();
  }, options),
);

test('a process ends with its parent, whether it waits or runs a query', () =>
  withFolder(async (folder) => {
    const database = join(folder, 'rows');
    await (await DenialStore.open(database)).close();
    const query = {
      database,
      sql: ENDLESS,
      timeLimitMs: 600_000,
      format: 'json',
      answer: join(folder, 'answer'),
    };
    const ask = `void queries.ask(${JSON.stringify(query)}, AbortSignal.any([]));
      while (queries.pids.running.length === 0) await new Promise(setImmediate);`;
    for (const step of ['queries.prepare();', ask]) {
      const program = `import { IsolatedQueries } from ${JSON.stringify(join(import.meta.dirname, 'isolated-queries.ts'))};
        const queries = new IsolatedQueries();
        ${step}
        console.log(JSON.stringify(queries.pids));`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const { waiting, asked } = JSON.parse(line.toString()) as IsolatedQueries['pids'];
      const pid = waiting ?? asked[0] ?? 0;
      expect(isRunning(pid)).toBe(true);
      parent.kill('SIGKILL');
      await until('its child has ended', () => !isRunning(pid), 20_000);
    }
  }));

test('the process of a query loads no library but DuckDB', async () => {
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, 'isolated-query-child.ts')],
    ...{ bundle: true, packages: 'external', platform: 'node', format: 'esm', write: false, metafile: true },
  });
  const loaded = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(loaded.filter((path) => !path.startsWith('node:'))).toEqual(loaded.filter(isDuckdb));
  expect(loaded.some(isDuckdb)).toBe(true);
});

const isDuckdb = (path: string): boolean => path === '@duckdb/node-api';
