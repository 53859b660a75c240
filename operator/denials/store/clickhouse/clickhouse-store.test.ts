// The denial log in ClickHouse's own engine: the same answers as DuckDB's, and every denial once, whatever gets lost,
// comes late or dies.
import { join } from 'node:path';
import fc from 'fast-check';
import { sampleBatch, sampleDenial, withFolder } from '../../../../test/fixtures/denial-fixture.ts';
import { inboundBatch } from '../../../../test/fixtures/inbound-fixture.ts';
import { type TestClickhouse, withClickhouse } from '../../../../test/support/clickhouse-fixture.ts';
import { consumerOf, linesTo, ship, tally } from '../../../../test/support/shipped-lines.ts';
import { until } from '../../../../test/support/until.ts';
import { visibleRows } from '../../../../test/support/visible-rows.ts';
import type { Denial } from '../../../model/denial.ts';
import type { EntryUseReport } from '../../../model/entry-use-row.ts';
import { DenialStore } from '../duckdb/denial-store.ts';
import { queriedDenials } from '../duckdb/queried-denials.ts';
import type { VisibleOptions } from '../duckdb/visible-copy.ts';
import type { QueriedLog } from '../queried-log.ts';
import type { RowSink } from '../row-sink.ts';

function withServer(work: (clickhouse: TestClickhouse, folder: string) => Promise<void>): Promise<void> {
  return withFolder((folder) => withClickhouse(folder, (clickhouse) => work(clickhouse, folder)));
}

async function answerOf(log: QueriedLog, sql: string, filter: Partial<VisibleOptions> = {}) {
  const [rows = []] = await visibleRows(log, [sql], filter);
  return rows;
}

async function isPartial(log: QueriedLog, mostRows: number): Promise<boolean> {
  const copy = await log.copyVisible({ workspaces: 'all', mostRows, memoryMb: 64 });
  await copy.remove();
  return copy.isPartial;
}

const unusual: Partial<Denial> = {
  dnsEvent: null,
  storageEvent: { hostname: 's3://acme', path: '/a', rejectionReason: 'storage-bucket-path-denied' },
  eventTime: '2026-01-01T00:00:00.123456Z',
  ...{
    workspaceId: '',
    workspace: 'team-b',
    rule: `ö"'\\\n\u0000`,
    sni: '',
    port: null,
    sample: ['*', 'b'],
    lost: 2 ** 40,
  },
};

const OUTBOUND = 'select * from system.access.outbound_network order by sequence';
const INBOUND = 'select * from system.access.inbound_network order by sequence';

test(
  'answers as DuckDB does, of whatever a row may have',
  () =>
    withServer(async (clickhouse, folder) => {
      const store = await clickhouse.open();
      const duckdb = await DenialStore.open(join(folder, 'denials.duckdb'));
      const first = sampleBatch(0, 3);
      const denials = first.denials.map((row, at) => (at === 1 ? { ...row, ...unusual } : row));
      const raised = [sampleDenial(0), sampleDenial(2)].map(({ eventId, eventTime }) => ({
        ...{ eventId, eventTime, by: 7 },
      }));
      for (const { outbound, inbound } of [store, { outbound: duckdb, inbound: duckdb.inbound }]) {
        await outbound.append({ ...first, denials });
        await outbound.append({ ...sampleBatch(3, 5), raised });
        await inbound.append(inboundBatch(0, 3));
      }
      const log = queriedDenials(duckdb, join(folder, 'queries'));
      for (const sql of [OUTBOUND, INBOUND])
        expect(await answerOf(store, sql)).toEqual(await answerOf(log, sql));
      const team = { workspaces: ['team-a'] };
      const since = { since: '2026-01-01T00:00:02Z' };
      for (const filter of [team, since, { workspaces: [] }, { ...team, ...since }]) {
        const rows = await answerOf(store, OUTBOUND, filter);
        expect(rows).toEqual(await answerOf(log, OUTBOUND, filter));
      }
      for (const queried of [store, log]) expect(await isPartial(queried, 2)).toBe(true);
      for (const queried of [store, log]) expect(await isPartial(queried, 5)).toBe(false);
      expect((await answerOf(store, OUTBOUND, team)).map(({ repeats }) => repeats)).toEqual([8, 8, 1, 1]);
      expect(await store.workspaces()).toEqual(await log.workspaces());
      const { positions, lastSequence } = await duckdb.progress('gw-1');
      expect(await store.outbound.progress('gw-1')).toMatchObject({ positions, lastSequence });
      await duckdb.close();
    }),
  180_000,
);

test(
  'a batch that raises a row that is not there is not stored',
  () =>
    withServer(async (clickhouse) => {
      const { outbound } = await clickhouse.open();
      await outbound.append(sampleBatch(0, 1));
      const { eventTime } = sampleDenial(0);
      const raised = [{ eventId: 'gw-1/access.log/7', eventTime, by: 1 }];
      await expect(outbound.append({ ...sampleBatch(1, 2), raised })).rejects.toThrow(
        '0 of 1 rows are there',
      );
      expect((await outbound.progress('gw-1')).lastSequence).toBe(1);
    }),
  180_000,
);

test(
  'a second collector finds what the first has stored, and a later version keeps it',
  () =>
    withServer(async (clickhouse) => {
      const [first, second] = [
        await clickhouse.open(),
        await clickhouse.open({ retentionMs: 3_600_000 * 24 * 3650 }),
      ];
      await first.outbound.append(sampleBatch(0, 3));
      expect(await second.outbound.append(sampleBatch(0, 3))).toEqual({ stored: 0, duplicates: 3 });
      expect(await second.outbound.append(sampleBatch(3, 5))).toEqual({ stored: 2, duplicates: 0 });
      await expect(first.outbound.append(sampleBatch(4, 7))).rejects.toThrow('ask again');
      expect(await answerOf(first, OUTBOUND)).toHaveLength(5);
      const renumbered = sampleBatch(5, 6, { sequence: 3 });
      await expect(second.outbound.append(renumbered)).rejects.toThrow('ask again');
    }),
  180_000,
);

/** What happens to a call: its answer comes, it gets lost, its answer does, or it arrives after the next ones. */
type Fate = 'answered' | 'lost' | 'unanswered' | 'late';

/** Each call goes to the next of the sinks. */
function unreliable(sinks: readonly RowSink<Denial>[], fates: readonly Fate[]) {
  let at = 0;
  const late: Promise<unknown>[] = [];
  const call = async <T>(work: (sink: RowSink<Denial>) => Promise<T>): Promise<T> => {
    const fate = fates[at] ?? 'answered';
    const sink = sinks[at++ % sinks.length];
    if (sink === undefined || fate === 'lost') throw new Error('lost');
    const answer = work(sink);
    if (fate !== 'late') {
      const value = await answer;
      if (fate === 'answered') return value;
    }
    late.push(answer.catch(() => undefined));
    throw new Error('unanswered');
  };
  const sink: RowSink<Denial> = {
    canRaise: true,
    progress: (gateway) => call((one) => one.progress(gateway)),
    append: (batch) => call((one) => one.append(batch)),
  };
  return { sink, settled: () => Promise.all(late) };
}

async function storedOf(log: QueriedLog, gateway: string) {
  const sql = `select event_id, destination, repeats::int as n, sequence::int as sequence
    from access.outbound_network where starts_with(event_id, '${gateway}/') order by sequence`;
  const rows = await answerOf(log, sql);
  return {
    tally: tally(rows.map(({ destination, n }) => [String(destination), Number(n)])),
    sequences: rows.map(({ sequence }) => sequence),
    ids: new Set(rows.map(({ event_id: id }) => id)).size,
  };
}

const wholeOf = (hosts: readonly string[], rows: number) => ({
  tally: tally(hosts.map((host) => [host, 1])),
  sequences: Array.from({ length: rows }, (_, at) => at + 1),
  ids: rows,
});

const fates = fc.array(fc.constantFrom<Fate>('answered', 'lost', 'unanswered', 'late'), { maxLength: 24 });
const hosts = fc.array(fc.constantFrom('a.example.com', 'b.example.com', 'c.example.com'), {
  ...{ minLength: 5, maxLength: 50 },
});

test(
  'what a gateway ships by several collectors is stored once, whatever gets lost or comes late',
  () =>
    withServer(async (clickhouse) => {
      const stores = [await clickhouse.open(), await clickhouse.open()];
      const sinks = stores.map(({ outbound }) => outbound);
      let run = 0;
      const property = fc.asyncProperty(
        fates,
        hosts,
        fc.integer({ min: 1, max: 9 }),
        async (lost, all, size) => {
          run += 1;
          const gateway = `gw-${run}`;
          const { sink, settled } = unreliable(sinks, lost);
          await ship(consumerOf(sink, gateway), linesTo(all), size);
          await settled();
          for (const store of stores) {
            const stored = await storedOf(store, gateway);
            expect(stored).toEqual(wholeOf(all, stored.ids));
          }
        },
      );
      await fc.assert(property, { seed: 20_263, numRuns: 15 });
    }),
  180_000,
);

test(
  'nothing is lost and nothing twice where ClickHouse is killed while a gateway ships',
  () =>
    withServer(async (clickhouse) => {
      const { outbound } = await clickhouse.open();
      const property = fc.asyncProperty(fc.uuid(), fc.integer({ min: 0, max: 250 }), async (id, afterMs) => {
        const all = Array.from({ length: 60 }, (_, at) => `host-${at % 3}.example.com`);
        let isShipped = false;
        const shipping = ship(consumerOf(outbound, id), linesTo(all), 3).then(() => void (isShipped = true));
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        await clickhouse.kill();
        await clickhouse.start();
        await until('all is shipped', () => isShipped);
        await shipping;
        const store = await clickhouse.open();
        const stored = await storedOf(store, id);
        expect(stored).toEqual(wholeOf(all, stored.ids));
      });
      await fc.assert(property, { seed: 20_264, numRuns: 4 });
    }),
  180_000,
);

const USED = '2026-01-01T00:00:00.123Z';

/** What two gateways have counted; the first says more later. */
const REPORTS: readonly (readonly [string, string, number])[] = [
  ['gw-1', '2026-01-01T00:01:00.000Z', 3],
  ['gw-1', '2026-01-01T00:03:00.000Z', 7],
  ['gw-2', '2026-01-01T00:02:00.000Z', 1],
];

function reportOf(time: string, connections: number): EntryUseReport {
  const counted = { list: 'allowedInternetDestinations' as const, since: USED, connections };
  return {
    ...{ time, state: 'COUNTING', missedUntil: null },
    policies: [
      {
        ...{ policy: 'shared', workspace: null },
        entries: [{ ...counted, entry: '*.example.com', firstUsed: USED, lastUsed: USED }],
      },
      {
        ...{ policy: 'own', workspace: 'team-a' },
        entries: [{ ...counted, entry: 'a.example.com', connections: 0, firstUsed: null, lastUsed: null }],
      },
    ],
  };
}

test(
  'has what gateways counted as DuckDB has it, in whatever order and however often they say it',
  () =>
    withServer(async (clickhouse, folder) => {
      const [store, other] = [await clickhouse.open(), await clickhouse.open()];
      const duckdb = await DenialStore.open(join(folder, 'denials.duckdb'));
      const orders = fc.sample(fc.shuffledSubarray([...REPORTS, ...REPORTS], { minLength: 6 }), {
        ...{ seed: 5, numRuns: 3 },
      });
      for (const [at, [gateway, time, connections]] of orders.flat().entries())
        for (const into of [at % 2 === 0 ? store : other, duckdb])
          await into.recordUses(gateway, reportOf(time, connections));
      const sql = 'select * from system.access.entry_uses order by gateway, entry';
      const answer = await answerOf(store, sql);
      expect(answer).toEqual(await answerOf(queriedDenials(duckdb, join(folder, 'queries')), sql));
      expect(answer.map(({ gateway, entry, connections }) => [gateway, entry, Number(connections)])).toEqual([
        ['gw-1', '*.example.com', 7],
        ['gw-1', 'a.example.com', 0],
        ['gw-2', '*.example.com', 1],
        ['gw-2', 'a.example.com', 0],
      ]);
      expect(await answerOf(store, sql, { workspaces: ['team-a'] })).toHaveLength(2);
      expect(await store.workspaces()).toEqual(['team-a']);
      await duckdb.close();
    }),
  120_000,
);
