// What a person reads who may read one workspace: its rows, and no trace of others, however they ask.
import { gzipSync } from 'node:zlib';
import { sampleBatch, sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { inboundBatch, sampleInbound } from '../../../test/fixtures/inbound-fixture.ts';
import { type CollectorStage, withCollector } from '../../../test/support/collector-stage.ts';

/** In every text of every row that is not of "team-a". */
const SECRET = 'zz-secret';

async function fill({ store }: CollectorStage): Promise<void> {
  const secret = {
    workspace: 'team-b',
    workspaceId: SECRET,
    destination: SECRET,
    policy: SECRET,
    sni: SECRET,
  };
  const denials = [0, 1, 2].map((line) =>
    sampleDenial(line, line === 0 ? {} : { ...secret, reason: SECRET }),
  );
  await store.append({ ...sampleBatch(0, 3), denials });
  const nobody = sampleInbound(1, { workspace: null, workspaceId: null, host: SECRET, requestPath: SECRET });
  await store.inbound.append({ ...inboundBatch(0, 2), denials: [sampleInbound(0), nobody] });
}

async function ask(stage: CollectorStage, user: string, sql: string) {
  const body = gzipSync(JSON.stringify({ sql }));
  const { text } = await stage.connect(`person~${user}`).ask({ method: 'POST', path: '/v1/query', body });
  return text;
}

const TABLE = 'system.access.outbound_network';

/** Each fails, or says nothing of others. */
const ATTACKS: readonly string[] = [
  `select * from ${TABLE}`,
  'select * from access.inbound_network',
  `select a.* from ${TABLE} a full join ${TABLE} b on true`,
  `select * from (select * from ${TABLE} union all select * from ${TABLE}) where workspace <> 'team-a'`,
  `select (select string_agg(destination) from ${TABLE})`,
  `with recursive x as (select destination from ${TABLE} union select destination from ${TABLE}) select * from x`,
  `select cast(destination as int) from ${TABLE}`,
  `select * from ${TABLE} where cast(destination as int) = 1`,
  `select error(destination) from ${TABLE}`,
  `select stats(destination), stats(workspace_id) from ${TABLE}`,
  `select min(destination), max(destination), approx_top_k(destination, 9) from ${TABLE}`,
  'select * from information_schema.columns',
  'select * from information_schema.tables',
  'select * from duckdb_tables()',
  'select * from duckdb_columns()',
  'select * from duckdb_databases()',
  "select * from pragma_storage_info('access.outbound_network')",
  'select * from pragma_database_list',
  'from duckdb_settings()',
  'select * from sallyport.log_positions',
  'select * from main.outbound_network',
  'select * from denials.access.outbound_network',
  'select * from memory.access.outbound_network',
  "select * from query('select * from access.outbound_network')",
  "select * from query_table('access.outbound_network')",
  "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
  "select * from read_csv('/etc/passwd')",
  "select * from read_text('/etc/passwd')",
  "select * from '/etc/passwd'",
  "select * from glob('/*')",
  "attach '/tmp/x.db'",
  'create view v as select 1',
  'pragma show_tables',
  'summarize access.outbound_network',
  'describe access.outbound_network',
  'show all tables',
  `explain analyze select * from ${TABLE}`,
  "copy access.outbound_network to '/tmp/x.csv'",
  "select getenv('PATH')",
  "select current_setting('temp_directory'), current_database()",
];

test.each(ATTACKS)('who may read one workspace learns nothing of others by %s', (sql) =>
  withCollector(async (stage) => {
    await fill(stage);
    const text = await ask(stage, 'team-a', sql);
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('team-b');
    expect(text).not.toContain('root:');
    expect(text).not.toContain('.duckdb');
  }),
);

describe('POST /v1/query', () => {
  const counts = `select (select count(*)::int from access.outbound_network) as o, (select count(*)::int from access.inbound_network) as i`;

  test.each([
    ['admin', { o: 3, i: 2 }],
    ['team-a', { o: 1, i: 1 }],
    ['team-b', { o: 2, i: 0 }],
    ['team-a+team-b', { o: 3, i: 1 }],
    ['new', { o: 0, i: 0 }],
  ])('shows %s the rows of what they may read', (user, row) =>
    withCollector(async (stage) => {
      await fill(stage);
      expect(JSON.parse(await ask(stage, user, counts))).toMatchObject({ rows: [row] });
    }),
  );

  test('is for people, and says what is wrong', () =>
    withCollector(async (stage) => {
      await fill(stage);
      const body = gzipSync(JSON.stringify({ sql: 'select 1' }));
      const path = '/v1/query';
      expect(await stage.connect('gateway~gw-1').ask({ method: 'POST', path, body })).toMatchObject({
        status: 403,
      });
      expect(
        await stage.connect('person~team-a').ask({ method: 'POST', path, body: gzipSync('[]') }),
      ).toMatchObject({
        ...{ status: 400, text: expect.stringContaining('Cannot read the request') },
      });
      for (const limit of ['limit -1', 'limit 1 offset -1', 'limit -1 offset 1']) {
        const newest = `select * from ${TABLE} order by event_time desc ${limit}`;
        expect(await ask(stage, 'team-a', newest)).toContain('Cannot run the query');
      }
      expect(await ask(stage, 'team-a', 'delete from access.outbound_network')).toContain(
        'only SELECT is allowed',
      );
    }));
});
