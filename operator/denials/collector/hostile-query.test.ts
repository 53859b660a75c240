// Queries that take all they can get, of a caller who may read one workspace: their own process ends, and nothing else.
// Rows of gateways are stored meanwhile, others get answers, and nobody reads a row of others.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { sampleBatch, sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { type CollectorStage, withCollector } from '../../../test/support/collector-stage.ts';
import { until } from '../../../test/support/until.ts';

const SECRET = 'zz-secret';
const TIME_LIMIT_MS = 1500;

async function fill({ store }: CollectorStage): Promise<void> {
  const secret = {
    workspace: 'team-b',
    workspaceId: SECRET,
    destination: SECRET,
    policy: SECRET,
    sni: SECRET,
  };
  const denials = [0, 1, 2, 3].map((line) =>
    sampleDenial(line, line < 2 ? {} : { ...secret, reason: SECRET }),
  );
  await store.append({ ...sampleBatch(0, 4), denials });
}

async function ask(stage: CollectorStage, user: string, sql: string) {
  const body = gzipSync(JSON.stringify({ sql }));
  return stage.connect(`person~${user}`).ask({ method: 'POST', path: '/v1/query', body });
}

/** Each ended the process in which it ran, ignored an interrupt, or took gigabytes. */
const BOMBS: readonly (readonly [string, string])[] = [
  ['nested lists', `select ${'['.repeat(900)}1${']'.repeat(900)}`],
  ['text of an array', 'select json_array(range(50000000))::varchar'],
  ['long padding', "select length(lpad('x', 2000000000, 'y'))"],
  ['a long bit string', "select length(bitstring('1', 2000000000))"],
  ['a wide format', "select length(printf('%2000000000d', 1))"],
  ['another wide format', "select length(format('{:2000000000}', 1))"],
  ['a distance', "select levenshtein(repeat('a', 200000), repeat('b', 200000))"],
  ['a large map', 'select map_from_entries(list_transform(range(10000000), x -> row(x, x)))'],
  [
    'a recursion without end',
    'with recursive r as (select 1 i union all select i + 1 from r) select count(*) from r',
  ],
  ['a join of everything', 'select count(*) from range(1000000) a, range(1000000) b where a.range < b.range'],
  ['a huge answer', "select repeat('x', 10000000) from range(10000)"],
  ['many parts', `select 1${' union all select 1'.repeat(13_000)}`],
];

test.each(BOMBS)('%s ends alone', (_name, sql) =>
  withCollector(
    async (stage) => {
      await fill(stage);
      const began = performance.now();
      const asking = ask(stage, 'team-a', sql);
      let isOver = false;
      const over = asking.then(() => (isOver = true));
      let batches = 1;
      for (; !isOver || batches < 4; batches += 1) {
        await stage.store.append(sampleBatch(batches * 4, (batches + 1) * 4));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await over;
      const { status, text } = await asking;
      expect({ status, text }).toEqual({
        status: 400,
        text: expect.stringMatching(/Cannot (?:finish|run|answer)/),
      });
      expect(performance.now() - began).toBeLessThan(TIME_LIMIT_MS + 25_000);
      const count = 'select count(*)::int as n from access.outbound_network';
      expect(JSON.parse((await ask(stage, 'admin', count)).text)).toMatchObject({
        rows: [{ n: batches * 4 }],
      });
      expect(stage.faults).toEqual([]);
    },
    { timeLimitMs: TIME_LIMIT_MS },
  ),
);

test('a query ends with its caller, and the next one is answered', () =>
  withCollector(async (stage) => {
    await fill(stage);
    const leaving = stage.connect('person~team-a');
    const sql = "select levenshtein(repeat('a', 200000), repeat('b', 200000))";
    const body = gzipSync(JSON.stringify({ sql }));
    const asking = leaving.ask({ method: 'POST', path: '/v1/query', body }).catch(() => undefined);
    await until('the query is under way', () => stage.isolated.pids.running.length > 0);
    await leaving.close();
    await asking;
    expect((await ask(stage, 'team-a', 'select 1 as one')).text).toContain('"one":1');
  }));

const column = fc.constantFrom(
  'destination',
  'workspace_id',
  'policy',
  'sni',
  'reason',
  'workspace',
  'event_id',
);
const table = fc.constantFrom(
  'access.outbound_network',
  'system.access.outbound_network',
  'rows.access.outbound_network',
  'denials.access.outbound_network',
  'main.outbound_network',
  'temp.access.outbound_network',
  '(from access.outbound_network union all by name from access.inbound_network)',
  "query_table('access.outbound_network')",
  "read_parquet('**/*.parquet')",
  "'rows'",
  "'../rows'",
  "glob('../**')",
  'duckdb_tables()',
  'pragma_database_list',
  "pragma_storage_info('access.outbound_network')",
);
const expression = fc.oneof(
  column,
  column.map((name) => `cast(${name} as int)`),
  column.map((name) => `error(${name})`),
  column.map((name) => `stats(${name})`),
  column.map((name) => `max(${name}) over ()`),
  column.map((name) => `(select string_agg(${name}) from access.outbound_network)`),
  fc.constantFrom("getenv('PATH')", "current_setting('secret_directory')", 'rowid', 'current_database()'),
);
const condition = fc.oneof(
  column.map((name) => `${name} like '%secret%'`),
  column.map((name) => `cast(${name} as int) = 1`),
  column.map((name) => `case when ${name} like 'zz%' then error(${name}) else true end`),
  fc.constantFrom("workspace <> 'team-a'", 'workspace is null', 'true', 'rowid >= 0'),
);
const statement = fc
  .tuple(
    fc.constantFrom('', 'distinct ', 'all '),
    expression,
    table,
    condition,
    fc.constantFrom('', 'explain ', 'explain analyze ', 'create view v as ', 'summarize '),
  )
  .map(([kind, what, from, where, before]) => `${before}select ${kind}${what} from ${from} where ${where}`);

test('no query of any kind reads what belongs to others', () =>
  withCollector(async (stage) => {
    await fill(stage);
    await fc.assert(
      fc.asyncProperty(statement, async (sql) => {
        const { text } = await ask(stage, 'team-a', sql);
        // Errors quote the query itself, which has the word "secret" and no more.
        expect(text).not.toContain(SECRET);
        expect(text.replaceAll(sql, '')).not.toContain('team-b');
        expect(text).not.toContain(process.env['PATH']);
      }),
      { seed: 20_272, numRuns: 40 },
    );
    expect(stage.faults).toEqual([]);
  }));
