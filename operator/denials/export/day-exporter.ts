// Days of the denial log that are over -> one Parquet file for each table and day. A file has all rows of its day that were
// ever exported: a day of which rows came late, or count more, is written again with what is in the file already, under the
// same name. So it does not matter how often, or from which state, a day is exported: no row is there twice, and none goes.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../../lib/make-directories.ts';
import { DAY_MS, type Day, type DayCount, dateOf } from '../store/day-count.ts';
import { UnreadableFileError } from '../store/unreadable-file-error.ts';
import { DayRetries } from './day-retries.ts';
import { type ExportTarget, TargetUnavailableError } from './export-target.ts';
import type { ExportedDays } from './exported-days.ts';

export interface DayExporterOptions {
  /** Oldest first. */
  readonly countDays: () => Promise<readonly DayCount[]>;
  /** Resolves to the count of what it has of the log. Throws an UnreadableFileError for the former file. */
  readonly writeDay: (
    day: Day,
    file: { readonly path: string; readonly former: () => Promise<string | undefined> },
  ) => Promise<DayCount>;
  readonly target: ExportTarget;
  readonly exported: ExportedDays;
  /** Of the exporter alone. */
  readonly folder: string;
  readonly onExported: (day: DayCount, file: string) => void;
  /** Of one day; 30 minutes unless given. */
  readonly limitMs?: number;
  /** With a sentence; the day is tried again. */
  readonly onFailure: (day: Day, error: Error) => void;
}

export interface ExportPass {
  /** Days that failed and are not exported yet, in this pass or before it. */
  readonly failed: number;
  /** The last day up to which everything is exported, as its beginning in epoch milliseconds. */
  readonly lastDayMs: number;
}

/** Rows of a day come until its end, and usually within this time after it. Those that come later are added. */
const LATE_MS = 3_600_000;
/** So many different days one after the other: then it is the target, whatever it says. */
const MOST_FAILURES_IN_A_ROW = 20;
/** So long a target that sends or takes a byte now and then may hold up the other days. */
const LIMIT_MS = 1_800_000;

/** `day`: only this one cannot be exported; `target`: nothing can; `unknown`: one of the two. */
type Outcome = 'exported' | 'stopped' | 'day' | 'target' | 'unknown';

export class DayExporter {
  readonly #options: DayExporterOptions;
  readonly #retries = new DayRetries();

  constructor(options: DayExporterOptions) {
    this.#options = options;
  }

  /** Stops where `signal` says so, also within a day. */
  async pass(nowMs: number, signal = new AbortController().signal): Promise<ExportPass> {
    const { countDays, exported } = this.#options;
    const lastDue = Math.floor((nowMs - LATE_MS) / DAY_MS) - 1;
    const due = (await countDays()).filter((count) => count.day <= lastDue && !exported.has(count));
    const open = new Set<Day>(due);
    await this.#exportInTurn(this.#retries.inTurn(due, nowMs), {
      ...{ nowMs, signal },
      onExported: (day) => open.delete(day),
    });
    const firstOpen = Math.min(lastDue + 1, ...[...open].map(({ day }) => day));
    return { failed: this.#retries.size, lastDayMs: (firstOpen - 1) * DAY_MS };
  }

  async #exportInTurn(
    days: readonly Day[],
    {
      nowMs,
      signal,
      onExported,
    }: {
      readonly nowMs: number;
      readonly signal: AbortSignal;
      readonly onExported: (day: Day) => void;
    },
  ): Promise<void> {
    let inARow = 0;
    for (const day of days) {
      if (signal.aborted || inARow === MOST_FAILURES_IN_A_ROW) return;
      const outcome = await this.#export(day, signal);
      if (outcome === 'stopped') return;
      if (outcome === 'exported') {
        onExported(day);
        this.#retries.exported(day);
      } else this.#retries.failed(day, nowMs, outcome !== 'target');
      if (outcome === 'target') return;
      inARow = outcome === 'unknown' ? inARow + 1 : 0;
    }
  }

  async #export(day: Day, signal: AbortSignal): Promise<Outcome> {
    const { writeDay, target, exported, folder, onExported, onFailure, limitMs = LIMIT_MS } = this.#options;
    const limit = AbortSignal.timeout(limitMs);
    const either = AbortSignal.any([signal, limit]);
    const file = `${day.table}/date=${dateOf(day.day)}/denials.parquet`;
    const former = join(folder, 'former.parquet');
    const path = join(folder, 'day.parquet');
    try {
      // What a process that was killed has left.
      await rm(folder, { recursive: true, force: true });
      await makeDirectories(folder, 0o700);
      const count = await writeDay(day, {
        path,
        former: async () => ((await target.read(file, former, either)) ? former : undefined),
      });
      await target.write(file, path, either);
      await exported.add(count);
      onExported(count, file);
      return 'exported';
    } catch (error) {
      if (signal.aborted) return 'stopped';
      const failure = failureOf(error, `${target.name}/${file}`, limit.aborted ? limitMs : undefined);
      onFailure(day, failure.error);
      return failure.outcome;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** `limitMs`: where it took longer. */
function failureOf(
  error: unknown,
  file: string,
  limitMs: number | undefined,
): { readonly outcome: Outcome; readonly error: Error } {
  if (limitMs !== undefined) {
    const sentence = `Cannot export to "${file}": it takes more than ${limitMs / 1000} s; look whether its target is slow`;
    return { outcome: 'target', error: new Error(sentence) };
  }
  if (error instanceof UnreadableFileError) {
    const sentence = `Cannot add rows to "${file}", which is no day of the denial log as Parquet: ${error.message}; move it away or repair it`;
    return { outcome: 'day', error: new Error(sentence) };
  }
  const outcome = error instanceof TargetUnavailableError ? 'target' : 'unknown';
  return { outcome, error: error as Error };
}
