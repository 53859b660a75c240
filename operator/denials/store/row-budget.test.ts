import fc from 'fast-check';
import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { sampleInbound } from '../../../test/fixtures/inbound-fixture.ts';
import type { Denial, UnnumberedDenial } from '../../model/denial.ts';
import { type BudgetedRows, RowBudget } from './row-budget.ts';
import { INBOUND_SHAPE, OUTBOUND_SHAPE } from './row-shapes.ts';
import { numberRows } from './row-sink.ts';

type NumberedRows = BudgetedRows<UnnumberedDenial> & { readonly rows: readonly Denial[] };

const LANE_ROWS_PER_SECOND = 100;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

interface Asked {
  readonly workspace: number;
  readonly second: number;
  readonly name: number;
  readonly reason: string;
  /** Of the line: connections that were denied at once have one line together. */
  readonly repeats: number;
}

let line = 0;

function denialOf({ workspace, second, name, reason, repeats }: Asked): Denial {
  line += 1;
  const destination = `host-${name}.example.com`;
  const eventTime = new Date(Date.UTC(2026, 0, 1, 0, 0, second, line % 1000)).toISOString();
  return sampleDenial(line, { workspaceId: `ws-${workspace}`, destination, eventTime, reason, repeats });
}

/** The rows as the store has them in the end. */
function stored(batches: readonly NumberedRows[]): readonly Denial[] {
  const rows = new Map<string, Denial>();
  for (const batch of batches) {
    for (const row of batch.rows) rows.set(row.eventId, row);
    for (const { eventId, eventTime, by } of batch.raised) {
      const row = rows.get(eventId);
      expect(row?.eventTime).toBe(eventTime);
      if (row !== undefined) rows.set(eventId, { ...row, repeats: row.repeats + by });
    }
  }
  return [...rows.values()];
}

function sumOf(rows: readonly Pick<Denial, 'repeats'>[]): number {
  return rows.reduce((sum, { repeats }) => sum + repeats, 0);
}

function laneSecondOf({ workspaceId, eventTime }: Denial): string {
  return `${workspaceId} ${eventTime.slice(0, 19)}`;
}

const NAMES = [1, 3, 40, 200, 100_000];
const ASKED = fc.constantFrom(...NAMES).chain((names) =>
  fc.record({
    workspace: fc.integer({ min: 0, max: 1 }),
    second: fc.integer({ min: 0, max: 2 }),
    name: fc.integer({ min: 0, max: names - 1 }),
    reason: fc.constantFrom('DESTINATION_NOT_ALLOWED', 'BAD_NAME'),
    repeats: fc.constantFrom(1, 1, 38),
  }),
);
const BATCHES = fc.array(fc.array(ASKED, { maxLength: 400 }), { maxLength: 8 });

test.each([true, false])(
  `take() counts each denial once, in few rows (canRaise: %s, seed ${SEED})`,
  (canRaise) => {
    const counted = fc.property(BATCHES, (batches) => {
      const budget = new RowBudget({ canRaise, shape: OUTBOUND_SHAPE, rowsPerSecond: LANE_ROWS_PER_SECOND });
      let sequence = 0;
      const taken = batches.map((batch) => {
        const { rows, raised } = budget.take(batch.map(denialOf));
        const numbered = numberRows<Denial>(rows, sequence);
        sequence += rows.length;
        return { rows: numbered, raised };
      });
      const rows = stored(taken);
      const asked = batches.flat();
      expect(sumOf(rows)).toBe(sumOf(asked));
      expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, at) => at + 1));
      for (const workspace of [0, 1]) {
        const own = rows.filter(({ workspaceId }) => workspaceId === `ws-${workspace}`);
        expect(sumOf(own)).toBe(sumOf(asked.filter((one) => one.workspace === workspace)));
      }
      for (const row of rows.filter(({ destination }) => destination !== '*')) expect(row.sample).toBeNull();
      if (canRaise) {
        const most = Math.max(0, ...[...Map.groupBy(rows, laneSecondOf).values()].map((own) => own.length));
        expect(most).toBeLessThanOrEqual(LANE_ROWS_PER_SECOND + 2);
      } else {
        expect(taken.flatMap(({ raised }) => raised)).toEqual([]);
      }
    });
    fc.assert(counted, { seed: SEED, numRuns: 60 });
  },
);

const flood = (count: number, nameOf: (at: number) => number): readonly Denial[] =>
  Array.from({ length: count }, (_, at) =>
    denialOf({ workspace: 0, second: 0, name: nameOf(at), reason: 'DESTINATION_NOT_ALLOWED', repeats: 1 }),
  );

test('take() leaves what is within the budget as it is', () => {
  const denials = flood(LANE_ROWS_PER_SECOND, (at) => at);
  const { rows, raised } = new RowBudget({
    canRaise: true,
    shape: OUTBOUND_SHAPE,
    rowsPerSecond: LANE_ROWS_PER_SECOND,
  }).take(denials);
  expect(numberRows<Denial>(rows, 7)).toEqual(denials.map((denial, at) => ({ ...denial, sequence: at + 8 })));
  expect(raised).toEqual([]);
});

test('take() keeps half of the budget for what is seen for the first time', () => {
  const budget = new RowBudget({
    canRaise: true,
    shape: OUTBOUND_SHAPE,
    rowsPerSecond: LANE_ROWS_PER_SECOND,
  });
  const first = budget.take(flood(1000, () => 1));
  expect(first.rows.map(({ repeats }) => repeats)).toEqual([...Array<number>(49).fill(1), 951]);
  const second = budget.take(flood(2, (at) => at + 1));
  expect(second.rows.map(({ destination, repeats }) => [destination, repeats])).toEqual([
    ['host-2.example.com', 1],
  ]);
  expect(second.raised).toEqual([expect.objectContaining({ eventId: first.rows.at(-1)?.eventId, by: 1 })]);
});

test('take() has one row for all names beyond the budget, with some of them', () => {
  const { rows } = new RowBudget({
    canRaise: true,
    shape: OUTBOUND_SHAPE,
    rowsPerSecond: LANE_ROWS_PER_SECOND,
  }).take(flood(5000, (at) => at));
  expect(rows).toHaveLength(LANE_ROWS_PER_SECOND + 1);
  const names = Array.from({ length: 10 }, (_, at) => `host-${LANE_ROWS_PER_SECOND + at}.example.com`);
  expect(rows.at(-1)).toMatchObject({ destination: '*', port: null, repeats: 4900, sample: names });
});

test('take() counts no denial in the row of another pod', () => {
  const budget = new RowBudget({ canRaise: true, shape: OUTBOUND_SHAPE, rowsPerSecond: 10 });
  const eventTime = '2026-01-01T00:00:00.000Z';
  const of = (at: number, address: string) =>
    sampleDenial(at, { eventTime, destination: 'a.example', source: `${address}:${40_000 + at}` });
  const { rows } = budget.take([
    ...Array.from({ length: 20 }, (_, at) => of(at, '10.0.0.1')),
    ...Array.from({ length: 20 }, (_, at) => of(20 + at, 'fd00::2')),
  ]);
  const sums = Map.groupBy(rows, ({ source }) => source.slice(0, source.lastIndexOf(':')));
  const counted = [...sums].map(([address, own]) => [address, sumOf(own)]);
  expect(counted).toEqual([
    ['10.0.0.1', 20],
    ['fd00::2', 20],
  ]);
});

test('reset() has nothing counted in rows that were not stored', () => {
  const budget = new RowBudget({
    canRaise: true,
    shape: OUTBOUND_SHAPE,
    rowsPerSecond: LANE_ROWS_PER_SECOND,
  });
  budget.take(flood(1000, () => 1));
  budget.reset();
  const { rows, raised } = budget.take(flood(10, () => 1));
  expect(rows).toHaveLength(10);
  expect(raised).toEqual([]);
});

test('take() has one row for all addresses beyond the budget of a workspace, and none for another workspace', () => {
  const budget = new RowBudget({ canRaise: true, shape: INBOUND_SHAPE, rowsPerSecond: 100 });
  const eventTime = '2026-01-01T00:00:00.000Z';
  const denials = Array.from({ length: 5000 }, (_, at) =>
    sampleInbound(at, { eventTime, source: { ip: `10.0.${at >> 8}.${at & 255}` } }),
  );
  const { rows } = budget.take([...denials, sampleInbound(0, { eventTime, workspace: 'team-b' })]);
  expect(rows.filter(({ workspace }) => workspace === 'team-a')).toHaveLength(101);
  expect(rows[100]).toMatchObject({ source: { ip: '*' }, entry: null, host: null, repeats: 4900 });
  expect(rows[100]?.sample).toEqual(Array.from({ length: 10 }, (_, at) => `10.0.0.${100 + at}`));
  expect(rows.filter(({ workspace }) => workspace === 'team-b')).toMatchObject([
    { repeats: 1, sample: null },
  ]);
});
