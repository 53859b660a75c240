// What was stored is exported once, whatever fails, is deleted or is forgotten meanwhile. The truth is what the test gave
// to the store; what is compared with it is read from the files by a DuckDB of its own.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { sampleDenial, withFolder } from '../../../test/fixtures/denial-fixture.ts';
import { parquetRows } from '../../../test/support/parquet-rows.ts';
import { DAY_MS } from '../store/day-count.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { writeDay } from '../store/duckdb/write-day.ts';
import { DayExporter } from './day-exporter.ts';
import { directoryTarget } from './directory-target.ts';
import { type ExportTarget, TargetUnavailableError } from './export-target.ts';
import { ExportedDays } from './exported-days.ts';
import { retainedForExport } from './retained-for-export.ts';

const FIRST_DAY = Date.UTC(2026, 0, 1);
const LATER = FIRST_DAY + 10 * DAY_MS;

type Fate = 'answered' | 'unread' | 'lost' | 'unanswered';

/** A target that does not always do what it is told, or does it and does not say so. */
function unreliable(target: ExportTarget, fate: Fate): ExportTarget {
  return {
    ...target,
    read: (...asked) => (fate === 'unread' ? Promise.reject(new Error(fate)) : target.read(...asked)),
    write: async (...given) => {
      if (fate === 'lost') throw new Error(fate);
      await target.write(...given);
      if (fate === 'unanswered') throw new Error(fate);
    },
  };
}

class Stage {
  readonly #folder: string;
  readonly #known = new Map<string, { repeats: number; readonly eventTime: string }>();
  store!: DenialStore;
  #exported!: ExportedDays;
  #lines = 0;
  #stores = 0;
  missed = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get target(): ExportTarget {
    return directoryTarget(join(this.#folder, 'target'));
  }

  async begin(): Promise<void> {
    this.#stores += 1;
    this.store = await DenialStore.open(join(this.#folder, `denials-${this.#stores}.duckdb`));
    await this.restart();
  }

  async restart(): Promise<void> {
    this.#exported = await ExportedDays.load(join(this.#folder, 'exported.json'), this.target.name);
  }

  async forget(): Promise<void> {
    await rm(join(this.#folder, 'exported.json'), { force: true });
    await this.restart();
  }

  async add(day: number, rows: number): Promise<void> {
    const { lastSequence } = await this.store.progress('gw-1');
    const denials = Array.from({ length: rows }, (_, at) =>
      sampleDenial(this.#lines + at, {
        sequence: lastSequence + 1 + at,
        eventTime: new Date(FIRST_DAY + day * DAY_MS + (this.#lines + at) * 1000).toISOString(),
      }),
    );
    this.#lines += rows;
    await this.store.append({
      ...{ gateway: 'gw-1', logFile: 'access.log', upTo: this.#lines * 400 },
      denials,
    });
    for (const { eventId, eventTime } of denials) this.#known.set(eventId, { repeats: 1, eventTime });
  }

  /** One of the rows that are still in the log stands for more. */
  async raise(choice: number, by: number): Promise<void> {
    const stored = await this.store.withReader(async (connection) =>
      (await connection.run('SELECT event_id FROM access.outbound_network ORDER BY sequence')).getRows(),
    );
    const eventId = stored[choice % Math.max(stored.length, 1)]?.[0];
    const known = this.#known.get(String(eventId));
    if (known === undefined) return;
    this.#lines += 1;
    const raised = [{ eventId: String(eventId), eventTime: known.eventTime, by }];
    await this.store.append({
      ...{ gateway: 'gw-1', logFile: 'access.log', upTo: this.#lines * 400, denials: [] },
      raised,
    });
    known.repeats += by;
  }

  /** Goes on from pass to pass, unlike those of pass(). */
  exporterTo(target: ExportTarget, failures: string[] = [], limitMs = 60_000): DayExporter {
    return new DayExporter({
      limitMs,
      countDays: () => this.store.countDays(),
      writeDay: (day, file) => writeDay(this.store, day, file),
      ...{ target, exported: this.#exported, folder: join(this.#folder, 'work') },
      onExported: () => undefined,
      onFailure: (_day, { message }) => void failures.push(message),
    });
  }

  pass(fate: Fate, nowMs = LATER) {
    return this.exporterTo(unreliable(this.target, fate)).pass(nowMs);
  }

  get retained() {
    return retainedForExport(this.store, this.#exported, (rows) => (this.missed += rows));
  }

  /** The log is lost, after all of it was exported. */
  async lose(): Promise<void> {
    await this.pass('answered');
    await this.store.close();
    await this.begin();
  }

  get wanted(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#known].map(([id, { repeats }]) => [id, repeats]));
  }

  async found(): Promise<Readonly<Record<string, number>>> {
    const rows = await parquetRows(join(this.#folder, 'target/outbound_network/*/*.parquet'));
    for (const { date, event_time } of rows) expect(String(event_time)).toContain(String(date));
    const found = Object.fromEntries(rows.map((row) => [String(row['event_id']), Number(row['repeats'])]));
    // None is there twice.
    expect(rows).toHaveLength(Object.keys(found).length);
    return found;
  }
}

async function withStage(work: (stage: Stage, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const stage = new Stage(folder);
    await stage.begin();
    try {
      await work(stage, folder);
    } finally {
      await stage.store.close();
    }
  });
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('add'), day: fc.nat({ max: 1 }), rows: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('raise'), day: fc.nat(), rows: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    kind: fc.constantFrom<Fate>('answered', 'unread', 'lost', 'unanswered'),
    day: fc.constant(0),
    rows: fc.constant(0),
  }),
  fc.record({
    kind: fc.constantFrom('retain', 'exported and retained', 'forget', 'restart', 'lose', 'full'),
    day: fc.constant(0),
    rows: fc.constant(0),
  }),
);

async function act(stage: Stage, { kind, day, rows }: { kind: string; day: number; rows: number }) {
  switch (kind) {
    case 'add':
      return stage.add(day, rows);
    case 'raise':
      return stage.raise(day, rows);
    case 'retain':
      return void (await stage.retained.deleteBefore(new Date(LATER)));
    case 'exported and retained':
      await stage.pass('answered');
      return void (await stage.retained.deleteBefore(new Date(LATER)));
    case 'full':
      // Where nothing is exported, rows would be missed: that is another test.
      await stage.pass('answered');
      return void (await stage.retained.deleteOldest(0.1));
    case 'forget':
      return stage.forget();
    case 'restart':
      return stage.restart();
    case 'lose':
      return stage.lose();
    default:
      return void (await stage.pass(kind as Fate));
  }
}

test('every row is exported once, with all that it stands for, whatever happens in between', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 14 }), (steps) =>
      withStage(async (stage) => {
        for (const one of steps) await act(stage, one);
        expect(await stage.pass('answered')).toMatchObject({ failed: 0 });
        expect(await stage.found()).toEqual(stage.wanted);
        expect(stage.missed).toBe(0);
      }),
    ),
    { seed: 20_271, numRuns: 16 },
  ));

describe('a day', () => {
  test('is exported an hour after its end, in one file', () =>
    withStage(async (stage, folder) => {
      await stage.add(0, 2);
      const dueMs = FIRST_DAY + DAY_MS + 3_600_000;
      expect(await stage.pass('answered', dueMs - 1)).toEqual({ failed: 0, lastDayMs: FIRST_DAY - DAY_MS });
      expect(await stage.found()).toEqual({});
      expect(await stage.pass('answered', dueMs)).toEqual({ failed: 0, lastDayMs: FIRST_DAY });
      expect(await stage.found()).toEqual(stage.wanted);
      expect(await readdir(join(folder, 'target/outbound_network'))).toEqual(['date=2026-01-01']);
      expect(await readdir(join(folder, 'target/outbound_network/date=2026-01-01'))).toEqual([
        'denials.parquet',
      ]);
    }));

  test('that cannot be exported is not deleted by age, and says up to where everything is there', () =>
    withStage(async (stage) => {
      for (const day of [0, 1, 2]) await stage.add(day, 2);
      expect(await stage.pass('lost')).toEqual({ failed: 3, lastDayMs: FIRST_DAY - DAY_MS });
      expect(await stage.retained.deleteBefore(new Date(LATER))).toBe(0);
      await stage.pass('answered');
      expect(await stage.retained.deleteBefore(new Date(FIRST_DAY + 2 * DAY_MS))).toBe(4);
      expect(await stage.found()).toEqual(stage.wanted);
    }));

  test('that cannot be exported goes where there is no room, and is counted', () =>
    withStage(async (stage) => {
      await stage.add(0, 10);
      await stage.pass('answered');
      await stage.add(1, 10);
      expect(await stage.retained.deleteOldest(0.1)).toBe(10);
      expect(stage.missed).toBe(0);
      expect(await stage.retained.deleteOldest(0.1)).toBe(1);
      expect(stage.missed).toBe(1);
      await stage.pass('answered');
      expect(Object.keys(await stage.found())).toHaveLength(19);
    }));
});

describe('days that cannot be exported hold up no other day', () => {
  const MINUTE_MS = 60_000;
  const dates = (days: readonly number[]) => days.map((day) => `date=2026-01-0${day + 1}`);

  /** Of the files that are there. */
  const datesOf = (folder: string) => readdir(join(folder, 'target/outbound_network'));

  /** Fails for these dates, and remembers for which it was asked. */
  function failingFor(target: ExportTarget, failing: readonly string[], error: () => Error) {
    const asked: string[] = [];
    const read: ExportTarget['read'] = (file, ...rest) => {
      const [, date = ''] = file.split('/');
      asked.push(date);
      return failing.includes(date) ? Promise.reject(error()) : target.read(file, ...rest);
    };
    return { asked, target: { ...target, read } };
  }

  test('whose files are no Parquet, and says which file it is and what to do', () =>
    withStage(async (stage, folder) => {
      for (const day of [0, 1, 2, 3, 4]) await stage.add(day, 2);
      for (const date of dates([0, 1, 2, 3])) {
        await mkdir(join(folder, 'target/outbound_network', date), { recursive: true });
        await writeFile(
          join(folder, 'target/outbound_network', date, 'denials.parquet'),
          'garbage'.repeat(9),
        );
      }
      const failures: string[] = [];
      const exporter = stage.exporterTo(stage.target, failures);
      expect(await exporter.pass(LATER)).toEqual({ failed: 4, lastDayMs: FIRST_DAY - DAY_MS });
      const files = join(folder, 'target/outbound_network/date=2026-01-05/denials.parquet');
      expect(await parquetRows(files)).toHaveLength(2);
      const file = join(folder, 'target/outbound_network/date=2026-01-01/denials.parquet');
      expect(failures[0]).toMatch(
        `Cannot add rows to "${file}", which is no day of the denial log as Parquet: `,
      );
      expect(failures[0]).toMatch(/No magic bytes found at end of file it; move it away or repair it$/);
      for (const date of dates([0, 1, 2, 3]))
        await rm(join(folder, 'target/outbound_network', date), { recursive: true });
      expect(await exporter.pass(LATER + 10 * MINUTE_MS)).toMatchObject({ failed: 0 });
      expect(await stage.found()).toEqual(stage.wanted);
    }));

  test('that the target refuses: they come after the others, and ever less often', () =>
    withStage(async (stage, folder) => {
      for (const day of [0, 1, 2, 3, 4, 5]) await stage.add(day, 1);
      const { asked, target } = failingFor(stage.target, dates([0, 1, 2, 3]), () => new Error('403'));
      const exporter = stage.exporterTo(target);
      for (let minute = 0; minute <= 180; minute += 10) await exporter.pass(LATER + minute * MINUTE_MS);
      expect(await datesOf(folder)).toEqual(dates([4, 5]));
      expect(asked.slice(0, 6)).toEqual(dates([0, 1, 2, 3, 4, 5]));
      // At 0, 10, 30, 70, 130 minutes.
      expect(asked.filter((date) => date === 'date=2026-01-01')).toHaveLength(5);
      expect(asked).toHaveLength(4 * 5 + 2);
    }));

  test('where the target as a whole is away, one of them is tried in each pass', () =>
    withStage(async (stage) => {
      for (const day of [0, 1, 2]) await stage.add(day, 1);
      const all = dates([0, 1, 2]);
      const { asked, target } = failingFor(stage.target, all, () => new TargetUnavailableError('away'));
      const exporter = stage.exporterTo(target);
      for (const minute of [0, 10, 20, 30]) await exporter.pass(LATER + minute * MINUTE_MS);
      expect(asked).toEqual(dates([0, 1, 2, 0]));
    }));

  test('many different ones end a pass, and the next one goes on behind them', () =>
    withStage(async (stage) => {
      for (let day = 0; day < 25; day += 1) await stage.add(day, 1);
      const failing = stage.exporterTo({ ...stage.target, write: () => Promise.reject(new Error('503')) });
      expect(await failing.pass(LATER + 30 * DAY_MS)).toMatchObject({ failed: 20 });
      expect(await failing.pass(LATER + 30 * DAY_MS)).toMatchObject({ failed: 25 });
    }));

  test('a pass that is told to stop ends within a day, which has not failed', () =>
    withStage(async (stage) => {
      await stage.add(0, 1);
      const stopping = new AbortController();
      const failures: string[] = [];
      const exporter = stage.exporterTo(
        {
          ...stage.target,
          read: (_file, _into, signal) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
              stopping.abort();
            }),
        },
        failures,
      );
      expect(await exporter.pass(LATER, stopping.signal)).toMatchObject({ failed: 0 });
      expect(failures).toEqual([]);
    }));

  test('that take too long', () =>
    withStage(async (stage, folder) => {
      for (const day of [0, 1]) await stage.add(day, 1);
      const read: ExportTarget['read'] = (file, into, signal) =>
        file.includes('2026-01-01')
          ? new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
            })
          : stage.target.read(file, into, signal);
      const failures: string[] = [];
      const exporter = stage.exporterTo({ ...stage.target, read }, failures, 2000);
      expect(await exporter.pass(LATER)).toMatchObject({ failed: 1 });
      expect(failures[0]).toContain('date=2026-01-01/denials.parquet": it takes more than 2 s');
      await exporter.pass(LATER + MINUTE_MS);
      expect(await datesOf(folder)).toEqual(dates([1]));
    }));
});
