import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { countsOf, rowsOf, sampleBatch, sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { DENIAL_COLUMNS } from '../../model/denial-columns.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { runQuery } from './run-query.ts';

const productPageQuery = `
select * from system.access.outbound_network
where event_time >= current_timestamp() - interval 2 hour
sort by event_time desc`;

const endlessQuery = 'select count(*) from range(1000000) a, range(1000000) b where a.range < b.range';

let folder: string;
let store: DenialStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'denials-'));
  store = await DenialStore.open(join(folder, 'denials.duckdb'));
  const eventTime = new Date(Date.now() - 60_000).toISOString();
  const recent = [1, 2].map((line) => sampleDenial(line, { eventTime: eventTime.replace('.', `.${line}`) }));
  await store.append({ ...sampleBatch(0, 3), denials: [sampleDenial(0), ...recent] });
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const only = 'only SELECT is allowed, for example "select * from system.access.outbound_network limit 10"';

const rejected: readonly (readonly [sql: string, message: string])[] = [
  [`insert into access.outbound_network select * from access.outbound_network`, only],
  ['delete from access.outbound_network', `Cannot run "delete from access.outbound_network": ${only}`],
  ['update access.outbound_network set port = 1', only],
  ['create table t (i int)', only],
  ['create temp table t (i int)', only],
  ['drop table access.outbound_network', only],
  [`copy access.outbound_network to '/tmp/denials.csv'`, only],
  [`export database '/tmp/denials'`, only],
  [`attach '/tmp/denials.duckdb'`, only],
  ['install httpfs', only],
  ['load httpfs', only],
  ['pragma database_list', only],
  [`set memory_limit = '1TB'`, only],
  ['set variable x = 1', only],
  ['checkpoint', only],
  ['begin', only],
  ['call pragma_version()', only],
  ['prepare a as select 1', only],
  ['select 1; select 2', 'Cannot run 2 statements: send one SELECT'],
  ['select 1; drop table access.outbound_network', only],
  ['', 'Cannot run 0 statements'],
  ['-- nothing', 'Cannot run 0 statements'],
  ['selec 1', 'Cannot read the query: syntax error at or near "selec"'],
  ['select nothing', 'Cannot run the query: Binder Error: Referenced column "nothing"'],
  ['with x as (delete from access.outbound_network returning *) select * from x', 'Cannot read the query'],
  [`select * from read_csv('/etc/passwd')`, 'Cannot read from function "read_csv": FROM takes tables'],
  [`select * from READ_TEXT('/etc/passwd')`, 'Cannot read from function "read_text"'],
  [`select * from glob('/etc/*')`, 'Cannot read from function "glob"'],
  [`select 1 where exists (with a as (from read_blob('/etc/passwd')) from a)`, 'function "read_blob"'],
  [`select * from enable_logging(storage_path = '/tmp/denials-log')`, 'function "enable_logging"'],
  ['select * from force_checkpoint()', 'function "force_checkpoint"'],
  [`select * from query('select 1')`, 'function "query"'],
  [`select * from '/etc/passwd'`, 'Cannot run the query: Catalog Error'],
  [`select * from 'https://127.0.0.1/a.parquet'`, 'Cannot run the query: Permission Error'],
  [`select getenv('HOME')`, 'Cannot run the query: Catalog Error'],
];

const values: readonly (readonly [sql: string, value: unknown])[] = [
  ['count(*)', 3],
  ['9007199254740993', '9007199254740993'],
  [`'1969-12-31 23:59:59.999999+00'::timestamptz`, '1969-12-31T23:59:59.999999Z'],
  [`'2026-01-01 02:00:00+02'::timestamptz`, '2026-01-01T00:00:00.000Z'],
  [`'2026-01-01 00:00:00.5'::timestamp`, '2026-01-01T00:00:00.500Z'],
  [`'290000-01-01'::timestamp`, '290000-01-01 00:00:00'],
  [`date '2026-01-01'`, '2026-01-01'],
  [
    `{'a': 1::bigint, 'b': [timestamptz '2026-01-01 00:00:00+00']}`,
    { a: 1, b: ['2026-01-01T00:00:00.000Z'] },
  ],
  [`'inf'::double`, 'Infinity'],
  ['1.50::decimal(4,2)', '1.50'],
  ['null', null],
  [`current_setting('TimeZone')`, 'UTC'],
  [`min(dns_event.domain_name)`, 'host-0.example.com'],
];

describe('runQuery()', () => {
  test('runs the query of the product page as it is typed there', async () => {
    const rows = rowsOf(await runQuery(store, productPageQuery));
    expect(rows.map((row) => row['destination'])).toEqual(['host-2.example.com', 'host-1.example.com']);
  });

  test.each(rejected)('rejects %j', async (sql, message) => {
    expect(await runQuery(store, sql)).toEqual({ error: expect.stringContaining(message) });
    expect(await countsOf(store)).toEqual({ total: 3, drops: 3, dryRunDenials: 0 });
  });

  test.each(values)('answers %s as JSON', async (sql, value) => {
    const query = `select ${sql} as value from access.outbound_network limit 1`;
    expect(rowsOf(await runQuery(store, query))).toEqual([{ value }]);
  });

  test('reads the forms of SELECT that DuckDB adds', async () => {
    const forms = [
      'from access.outbound_network',
      'describe access.outbound_network',
      'show all tables',
      'values (1)',
    ];
    const answers = await Promise.all(forms.map((sql) => runQuery(store, sql)));
    expect(answers.map((answer) => rowsOf(answer).length)).toEqual([3, DENIAL_COLUMNS.length, 4, 1]);
  });

  test('keeps columns of the same name apart', async () => {
    const answer = await runQuery(store, 'select 1 as a, 2 as a');
    expect(answer).toEqual({ columns: ['a', 'a:1'], rows: [{ a: 1, 'a:1': 2 }], truncated: false });
  });

  test.each([
    [4999, true],
    [5000, false],
  ])('says whether %d rows are all', async (maxRows, truncated) => {
    const answer = await runQuery(store, 'from range(5000)', { maxRows });
    expect(answer).toMatchObject({ truncated, rows: { length: maxRows } });
  });

  test('ends a runaway query, while denials are stored', async () => {
    const running = [runQuery(store, endlessQuery, { timeLimitMs: 500 }), runQuery(store, 'from range(1)')];
    const beside = { ...sampleBatch(0, 0), gateway: 'gw-2', upTo: 1 };
    expect(await store.append(beside)).toEqual({ stored: 0, duplicates: 0 });
    const [endless, short] = await Promise.all(running);
    const error = 'Cannot finish the query within 0.5 s: narrow it, for example by event_time';
    expect([endless, short]).toEqual([{ error }, expect.objectContaining({ truncated: false })]);
  });

  test('ends a query that nobody waits for', async () => {
    const gone = new AbortController();
    const answer = runQuery(store, endlessQuery, { signal: gone.signal });
    gone.abort();
    expect(await answer).toEqual({ error: 'Cannot finish the query: the caller has gone' });
  });

  test('says that a query needs too much memory', async () => {
    const sql = 'select list(range) as all_of_them from range(30000000)';
    expect(await runQuery(store, sql)).toEqual({ error: expect.stringContaining('within the memory') });
  });
});
