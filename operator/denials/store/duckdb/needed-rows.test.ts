import { join } from 'node:path';
import fc from 'fast-check';
import { rowsOf, sampleDenial, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { rewriteQuery } from '../../query/rewrite-query.ts';
import { runQuery } from '../../query/run-query.ts';
import { OUTBOUND_TABLE } from '../log-tables.ts';
import { DenialStore } from './denial-store.ts';
import { neededRows } from './needed-rows.ts';
import { queriedDenials } from './queried-denials.ts';

const ROWS = 300;
const RUNS = 40;
const BEGIN_MS = Date.UTC(2026, 0, 1);
const OWN = ['team-a', 'team-b'];

/** A row each minute, of three workspaces, of which the caller may read two; some rows have the same time. */
async function withLog(work: (store: DenialStore, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const store = await DenialStore.open(join(folder, 'denials.duckdb'));
    const denials = Array.from({ length: ROWS }, (_, line) =>
      sampleDenial(line, {
        eventTime: new Date(BEGIN_MS + Math.floor(line / 3) * 60_000).toISOString(),
        workspace: `team-${'abc'[(line * 7) % 3] ?? ''}`,
        workspaceId: `id-${'abc'[(line * 7) % 3] ?? ''}`,
        destination: `host-${line % 11}.example`,
        pod: line % 5 === 0 ? null : `pod-${line % 4}`,
      }),
    );
    await store.append({ gateway: 'gw-1', logFile: 'access.log', upTo: ROWS * 400, denials });
    await work(store, join(folder, 'queries'));
    await store.close();
  });
}

const pick = fc.constantFrom;
const minute = fc.integer({ min: -5, max: 110 });
const timeOf = (at: number): string => new Date(BEGIN_MS + at * 60_000).toISOString();
/** Of which a bound is known before a row is read. */
const time = minute.chain((at) =>
  pick(
    `'${timeOf(at)}'`,
    `TIMESTAMPTZ '${timeOf(at)}'`,
    `'${timeOf(at)}'::timestamptz - interval 3 minutes`,
    `timestamp '${timeOf(at).slice(0, 19)}' + to_minutes(2)`,
    'now() - to_days(100000)',
  ),
);
const understood = fc.oneof(
  time.chain((at) => pick(`event_time >= ${at}`, `t.event_time > ${at}`, `Event_Time < ${at}`)),
  pick(
    ...["workspace = 'team-a'", "(workspace = 'team-b' OR workspace_id = 'id-b')", "pod = 'pod-1'"],
    ...["workspace = 'team-c'", "t.destination = 'host-3.example'"],
  ),
);
const other = fc.oneof(
  time.chain((at) => pick(`${at} <= event_time`, `event_time BETWEEN ${at} AND now()`)),
  pick(
    ...['pod IS NULL', "destination LIKE 'host-1%'", "NOT pod = 'pod-2'", 'port = 443'],
    ...["dns_event.domain_name <> 'x'", "pod IN ('pod-1', 'pod-3')", 't.who IS NULL', 't.repeats > 0'],
  ),
);
const condition = fc.oneof({ weight: 4, arbitrary: understood }, { weight: 1, arbitrary: other });
const order = pick(
  // Where the newest are enough.
  ...Array<string>(6).fill('event_time DESC, sequence DESC'),
  ...['event_time DESC, event_id', 'sequence', 'event_time, sequence'],
  ...['destination, sequence', 'T.Event_Time DESC, sequence DESC'],
);
const list = fc
  .record({
    what: pick(
      '*',
      'event_id, destination',
      't',
      'pod AS event_time, sequence',
      't AS t',
      't.*',
      "* REPLACE (TIMESTAMPTZ '2026-01-01' AS event_time)",
      '* EXCLUDE (event_time)',
      'sequence, pod AS Event_Time',
      'columns(*)',
      'Pod, SEQUENCE',
      'row_number() OVER (ORDER BY sequence) AS n',
    ),
    order,
    limit: fc.option(fc.integer({ min: 0, max: 40 }), { freq: 9 }),
    offset: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ what, order: by, limit, offset }) => ({
    what,
    rest: ` ORDER BY ${by}${limit === null ? '' : ` LIMIT ${limit} OFFSET ${offset}`}`,
  }));
const summary = pick(
  { what: 'destination, sum(repeats)::INT AS n', rest: ' GROUP BY ALL ORDER BY n DESC, destination LIMIT 5' },
  { what: 'count(*)::INT AS n, max(event_time) AS last', rest: '' },
  { what: 'count(*)::INT AS n', rest: ' ORDER BY max(event_time) DESC LIMIT 1' },
  { what: 'DISTINCT pod', rest: ' ORDER BY pod LIMIT 3' },
  { what: 'DISTINCT ON (pod) pod, sequence', rest: ' ORDER BY event_time DESC, sequence DESC LIMIT 3' },
  { what: 'workspace', rest: ' GROUP BY workspace HAVING count(*) > 20 ORDER BY workspace' },
  {
    what: 'sequence',
    rest: ' QUALIFY row_number() OVER (PARTITION BY pod ORDER BY sequence) = 1 ORDER BY event_time DESC, sequence LIMIT 9',
  },
  {
    what: 'sequence',
    rest: ' AND sequence > (SELECT min(sequence) FROM access.outbound_network) ORDER BY event_time DESC, sequence LIMIT 9',
  },
  { what: 'unnest([sequence, -sequence]) AS s', rest: ' ORDER BY event_time DESC, s LIMIT 9' },
);
interface QueryParts {
  readonly select: { readonly what: string; readonly rest: string };
  readonly conditions: readonly string[];
}
const anyParts: fc.Arbitrary<QueryParts> = fc.record({
  select: fc.oneof({ weight: 3, arbitrary: list }, { weight: 1, arbitrary: summary }),
  conditions: fc.array(condition, { maxLength: 2 }),
});
/** The newest of all are a part of them, whatever the conditions. */
const newestParts: fc.Arbitrary<QueryParts> = fc.record({
  select: fc.record({
    what: pick('*', 'event_id, destination', 't.*', 't', 'Pod, SEQUENCE'),
    rest: fc.integer({ min: 1, max: 9 }).map((limit) => ` ORDER BY event_time DESC, sequence LIMIT ${limit}`),
  }),
  conditions: fc.array(understood, { minLength: 1, maxLength: 2 }),
});
/** Not from the first row on. */
const boundedParts: fc.Arbitrary<QueryParts> = fc.record({
  select: fc.oneof(list, summary),
  conditions: fc.tuple(
    fc.integer({ min: 10, max: 95 }).map((at) => `event_time >= '${timeOf(at)}'`),
    condition,
  ),
});
const query = fc
  .oneof(anyParts, newestParts, boundedParts)
  .map(
    ({ select: { what, rest }, conditions }) =>
      `SELECT ${what} FROM system.access.outbound_network t ${conditions.length === 0 ? 'WHERE event_time IS NOT NULL' : `WHERE ${conditions.join(' AND ')}`}${rest}`,
  );

test(
  'a copy of what a query needs answers it as a copy of everything does',
  () =>
    withLog(async (store, folder) => {
      const log = queriedDenials(store, folder);
      const answerOf = async (sql: string, isNarrowed: boolean) => {
        const copy = await log.copyVisible({
          ...{ workspaces: OWN, since: undefined, mostRows: 10_000, memoryMb: 64 },
          ...(isNarrowed ? { sql: rewriteQuery(sql) } : {}),
        });
        const rows = await DenialStore.open(copy.database, { readOnly: true });
        const answer = await runQuery(rows, sql);
        const all = rowsOf(await runQuery(rows, 'select workspace from access.outbound_network'));
        await rows.close();
        await copy.remove();
        return { answer, all };
      };
      let narrowed = 0;
      await fc.assert(
        fc.asyncProperty(query, async (sql) => {
          const [whole, part] = [await answerOf(sql, false), await answerOf(sql, true)];
          expect(part.answer).toEqual(whole.answer);
          expect('rows' in whole.answer).toBe(true);
          if (part.all.length < whole.all.length) narrowed += 1;
        }),
        { seed: 20_261, numRuns: RUNS },
      );
      expect(narrowed).toBeGreaterThan(RUNS / 3);
    }),
  240_000,
);

test('what it can need is read from the text of a plain query, and everything of any other', () =>
  withLog(async (store) => {
    const neededBy = (sql: string) =>
      store.withReader((connection) => neededRows(connection, OUTBOUND_TABLE, sql));
    const from = 'FROM access.outbound_network';
    expect(
      await neededBy(`SELECT pod ${from} WHERE workspace = 'a''b' ORDER BY event_time DESC LIMIT 5 OFFSET 2`),
    ).toEqual({
      columns: new Set(['pod', 'workspace', 'event_time']),
      sinceSql: undefined,
      newest: { conditionSql: "workspace = 'a''b'", count: 7 },
    });
    const everything = { columns: undefined, sinceSql: undefined, newest: undefined };
    for (const sql of [
      `WITH x AS (SELECT 1) SELECT pod ${from}`,
      `SELECT pod ${from} UNION ALL SELECT pod ${from}`,
      `SELECT pod ${from} WHERE event_time > now() AND pod IN (SELECT pod ${from})`,
      `SELECT a.pod ${from} a, access.inbound_network b WHERE a.event_time > now()`,
      `SELECT pod ${from} USING SAMPLE 3 ROWS`,
      `SELECT * FROM (SELECT pod ${from}) WHERE event_time > now()`,
    ])
      expect(await neededBy(sql)).toEqual(everything);
    // Later on what is taken away is more.
    const growing = `SELECT pod ${from} WHERE event_time > '2026-01-01'::timestamptz - (now() - '2026-01-01'::timestamptz)`;
    expect((await neededBy(growing))?.sinceSql).toBeUndefined();
    // Conditions that fail on a value of a row are not tried on rows of others.
    const failing = `SELECT pod ${from} WHERE pod = 5 ORDER BY event_time DESC LIMIT 5`;
    expect((await neededBy(failing))?.newest).toBeUndefined();
    expect(await neededBy('SELECT * FROM access.inbound_network')).toBeUndefined();
  }));
