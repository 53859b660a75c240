// Exports the days of a denial log in DuckDB to a directory or a bucket, hourly, and keeps retention from what is not
// exported yet. Says and counts what fails.
import { join } from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ExportConfig } from '../../collector-config.ts';
import { DayExporter } from '../../denials/export/day-exporter.ts';
import { directoryTarget } from '../../denials/export/directory-target.ts';
import type { ExportTarget } from '../../denials/export/export-target.ts';
import { ExportedDays } from '../../denials/export/exported-days.ts';
import { retainedForExport } from '../../denials/export/retained-for-export.ts';
import { dateOf } from '../../denials/store/day-count.ts';
import type { RetainedRows } from '../../denials/store/denial-retention.ts';
import type { DenialStore } from '../../denials/store/duckdb/denial-store.ts';
import { writeDay } from '../../denials/store/duckdb/write-day.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';

export interface RowExport {
  /** What retention may delete. */
  readonly retained: RetainedRows;
  readonly start: () => void;
  /** The day under way is exported later. */
  readonly stop: () => Promise<void>;
}

export interface ExportPlace {
  readonly store: DenialStore;
  readonly exportTo: ExportConfig;
  /** The state directory. */
  readonly root: string;
  readonly logger: Logger;
  readonly registry: Registry;
}

const PASS_MS = 3_600_000;
const RETRY_MS = 600_000;

export async function exportRows({
  store,
  exportTo,
  root,
  logger,
  registry,
}: ExportPlace): Promise<RowExport> {
  const { target, close } = await targetOf(exportTo);
  const exported = await ExportedDays.load(join(root, 'exported-days.json'), target.name);
  const metrics = measureExport(registry);
  const exporter = new DayExporter({
    ...{ target, exported, folder: join(root, 'export') },
    countDays: () => store.countDays(),
    writeDay: (day, file) => writeDay(store, day, file),
    onExported: ({ rows }, file) => logger.info('exported a day', { rows, file, target: target.name }),
    onFailure: ({ table, day }, error) => {
      metrics.failed.inc();
      logger.error('a day could not be exported and is tried again', { table, date: dateOf(day), error });
    },
  });
  const retained = retainedForExport(store, exported, (rows) => {
    metrics.missed.inc(rows);
    logger.error('rows were deleted that were not exported: the log had reached --retention-size', { rows });
  });
  const stopping = new AbortController();
  const loop = exportLoop(async () => {
    const { failed, lastDayMs } = await exporter.pass(Date.now(), stopping.signal);
    metrics.lastDay.set(lastDayMs / 1000);
    return failed;
  }, logger);
  return {
    retained,
    start: () => loop.trigger(),
    stop: async () => {
      stopping.abort();
      await loop.stop();
      close();
    },
  };
}

/** The client of S3 is loaded only where there is a bucket. */
async function targetOf(
  exportTo: ExportConfig,
): Promise<{ readonly target: ExportTarget; readonly close: () => void }> {
  if ('directory' in exportTo) return { target: directoryTarget(exportTo.directory), close: () => undefined };
  const { s3Target } = await import('../../denials/export/s3-target.ts');
  const target = s3Target(exportTo.bucket);
  return { target, close: target.close };
}

function exportLoop(pass: () => Promise<number>, logger: Logger): Loop {
  return new Loop({
    job: async () => ((await pass()) > 0 ? { runAgainAtMs: Date.now() + RETRY_MS } : {}),
    minIntervalMs: 1000,
    retryIntervalMs: RETRY_MS,
    maxIntervalMs: PASS_MS,
    clock: SYSTEM_CLOCK,
    onFailure: (error) => logger.error('days could not be exported and are tried again', { error }),
  });
}

function measureExport(registry: Registry) {
  const registers = [registry];
  return {
    failed: new Counter({
      name: 'sallyport_denials_export_failed_total',
      help: 'Days that could not be exported; each is tried again, and the log says why',
      registers,
    }),
    lastDay: new Gauge({
      name: 'sallyport_denials_export_last_day',
      help: 'Beginning of the last day up to which everything is exported, in seconds since 1970',
      registers,
    }),
    missed: new Counter({
      name: 'sallyport_denials_export_missed_total',
      help: 'Rows that were deleted before they were exported, at --retention-size',
      registers,
    }),
  };
}
