// Rows of gateways whose clocks say anything: each is stored, with a time that retention and the export can work with.
import { join } from 'node:path';
import fc from 'fast-check';
import { lineBytes, rowsOf, sampleDenial, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import type { Denial } from '../../model/denial.ts';
import { runQuery } from '../query/run-query.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import type { RaisedRow, RowBatch } from '../store/row-sink.ts';
import { BATCH_SCHEMAS } from '../wire/collector-wire.ts';
import { receiveBatch, type StoredBatch } from './receive-batch.ts';

const DAY_MS = 86_400_000;

class Stage {
  readonly store: DenialStore;
  readonly seen: StoredBatch[] = [];
  /** Times for which it was asked which pod it was. */
  readonly identified: string[] = [];
  #lines = 0;
  #sequence = 0;

  constructor(store: DenialStore) {
    this.store = store;
  }

  /** Rows with these times; resolves to them as they were sent. */
  async send(times: readonly string[], raised: readonly RaisedRow[] = []): Promise<readonly Denial[]> {
    const denials = times.map((eventTime, at) =>
      sampleDenial(this.#lines + at, { eventTime, sequence: this.#sequence + at + 1 }),
    );
    this.#lines += Math.max(1, times.length);
    this.#sequence += times.length;
    const batch: Omit<RowBatch<Denial>, 'gateway'> = {
      ...{ logFile: 'access.log', upTo: this.#lines * lineBytes, denials, raised },
    };
    await receiveBatch({ kind: 'gateway', name: 'gw-1', direction: 'outbound' }, async () => batch, {
      ...{ schema: BATCH_SCHEMAS.outbound, sink: this.store },
      identify: async (rows) => {
        this.identified.push(...rows.map(({ eventTime }) => eventTime));
        return rows;
      },
      onStored: (stored) => void this.seen.push(stored),
    });
    return denials;
  }

  async rows() {
    const sql = `select event_id as id, repeats::int as repeats, epoch_ms(event_time)::double as ms
      from access.outbound_network order by sequence`;
    return rowsOf(await runQuery(this.store, sql));
  }
}

function withStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DenialStore.open(join(folder, 'denials.duckdb'));
    try {
      await work(new Stage(store));
    } finally {
      await store.close();
    }
  });
}

const before = (ms: number): string => new Date(Date.now() - ms).toISOString();

test.each([
  ['1970-01-01T00:00:07.5Z', true],
  ['2019-12-31T23:59:59.999999Z', true],
  ['2020-01-01T00:00:00Z', false],
  [before(30 * DAY_MS), false],
  [before(-23 * 3_600_000), false],
  [before(-25 * 3_600_000), true],
  ['9999-12-31T23:59:59Z', true],
  ['-000001-01-01T00:00:00Z', true],
  ['+275760-09-13T00:00:00Z', true],
  ['2026-13-45T00:00:00Z', true],
  ['', true],
])('the time "%s" is replaced by that of the arrival: %s', (time, isReplaced) =>
  withStage(async (stage) => {
    const startMs = Date.now();
    await stage.send([time]);
    const [row] = await stage.rows();
    const ms = Number(row?.['ms']);
    expect(ms >= startMs && ms <= Date.now()).toBe(isReplaced);
    expect(stage.seen).toMatchObject([{ gateway: 'gw-1', stored: 1, corrected: isReplaced ? 1 : 0 }]);
    // Rather nobody than the pod that has the address when the row arrives.
    expect(stage.identified).toEqual([isReplaced ? '1970-01-01T00:00:00Z' : time]);
  }),
);

const anyTime = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.integer({ min: -2 * DAY_MS, max: 100 * DAY_MS }).map(before),
  fc.constantFrom('', 'now', '2026-02-30T00:00:00Z', '2026-01-01T00:00:00+01:00', '-000001-01-01T00:00:00Z'),
);
const step = fc.record({
  times: fc.array(anyTime, { maxLength: 4 }),
  raise: fc.option(fc.nat()),
  by: fc.integer({ min: 1, max: 9 }),
});

test('rows with any time, in any order, are stored, and count more, and none is refused', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) =>
      withStage(async (stage) => {
        const sent: Denial[] = [];
        let count = 0;
        for (const { times, raise, by } of steps) {
          const row = raise === null ? undefined : sent[raise % Math.max(1, sent.length)];
          const raised = row === undefined ? [] : [{ eventId: row.eventId, eventTime: row.eventTime, by }];
          sent.push(...(await stage.send(times, raised)));
          count += times.length + raised.length * by;
        }
        const rows = await stage.rows();
        expect(rows.map(({ id }) => id)).toEqual(sent.map(({ eventId }) => eventId));
        expect(rows.reduce((sum, { repeats }) => sum + Number(repeats), 0)).toBe(count);
        expect((await stage.store.progress('gw-1')).denials).toBe(count);
        for (const { ms } of rows) {
          expect(Number(ms)).toBeGreaterThanOrEqual(Date.UTC(2020, 0, 1));
          expect(Number(ms)).toBeLessThanOrEqual(Date.now() + DAY_MS);
        }
      }),
    ),
    { seed: 20_611, numRuns: 20 },
  ));
