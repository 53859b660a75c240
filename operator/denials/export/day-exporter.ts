// Days of the denial log that are over -> one Parquet file for each table and day. A file has all rows of its day that were
// ever exported: a day of which rows came late, or count more, is written again with what is in the file already, under the
// same name. So it does not matter how often, or from which state, a day is exported: no row is there twice, and none goes.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../../lib/make-directories.ts';
import { DAY_MS, type Day, type DayCount, dateOf } from '../store/day-count.ts';
import type { ExportTarget } from './export-target.ts';
import type { ExportedDays } from './exported-days.ts';

export interface DayExporterOptions {
  /** Oldest first. */
  readonly countDays: () => Promise<readonly DayCount[]>;
  /** Resolves to the count of what it has of the log. */
  readonly writeDay: (
    day: Day,
    file: { readonly path: string; readonly former: () => Promise<string | undefined> },
  ) => Promise<DayCount>;
  readonly target: ExportTarget;
  readonly exported: ExportedDays;
  /** Of the exporter alone. */
  readonly folder: string;
  readonly onExported: (day: DayCount, file: string) => void;
  /** With a sentence; the day is tried again. */
  readonly onFailure: (day: Day, error: Error) => void;
}

export interface ExportPass {
  readonly failed: number;
  /** The last day up to which everything is exported, as its beginning in epoch milliseconds. */
  readonly lastDayMs: number;
}

/** Rows of a day come until its end, and usually within this time after it. Those that come later are added. */
const LATE_MS = 3_600_000;
/** Where the target does not answer, each failure takes minutes. */
const MOST_FAILURES = 3;

export class DayExporter {
  readonly #options: DayExporterOptions;

  constructor(options: DayExporterOptions) {
    this.#options = options;
  }

  /** Stops between two days where `signal` says so. */
  async pass(nowMs: number, signal?: AbortSignal): Promise<ExportPass> {
    const { countDays, exported } = this.#options;
    const lastDue = Math.floor((nowMs - LATE_MS) / DAY_MS) - 1;
    const due = (await countDays()).filter((count) => count.day <= lastDue && !exported.has(count));
    const open = new Set(due);
    let failed = 0;
    for (const day of due) {
      if (signal?.aborted || failed === MOST_FAILURES) break;
      if (await this.#export(day)) open.delete(day);
      else failed += 1;
    }
    const firstOpen = Math.min(lastDue + 1, ...[...open].map(({ day }) => day));
    return { failed, lastDayMs: (firstOpen - 1) * DAY_MS };
  }

  async #export(day: Day): Promise<boolean> {
    const { writeDay, target, exported, folder, onExported, onFailure } = this.#options;
    const file = `${day.table}/date=${dateOf(day.day)}/denials.parquet`;
    const former = join(folder, 'former.parquet');
    const path = join(folder, 'day.parquet');
    try {
      // What a process that was killed has left.
      await rm(folder, { recursive: true, force: true });
      await makeDirectories(folder, 0o700);
      const count = await writeDay(day, {
        path,
        former: async () => ((await target.read(file, former)) ? former : undefined),
      });
      await target.write(file, path);
      await exported.add(count);
      onExported(count, file);
      return true;
    } catch (error) {
      onFailure(day, error as Error);
      return false;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
