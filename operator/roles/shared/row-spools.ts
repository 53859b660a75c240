// Spools whose lines become rows of a sink, with rows for those that are lost on the way.
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { LogConsumer, type LogConsumerOptions, type TimedLine } from '../../denials/log-consumer.ts';
import { type LossCause, type LossReport, LostDenials } from '../../denials/lost-denials.ts';
import { measureLoss } from '../../denials/reading/denial-metrics.ts';
import type { LogRow } from '../../denials/store/row-sink.ts';
import { ENVOY_LOG } from '../../gateway/log/log-files.ts';
import { Spools, type SpoolsOptions } from '../../gateway/log/spools.ts';
import type { EnvoyAdmin } from '../../gateway/process/envoy-admin.ts';
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { Logger } from '../../lib/logger.ts';

export interface RowSpoolsOptions<Line extends TimedLine, Row extends LogRow>
  extends LogConsumerOptions<Line, Row>,
    Omit<SpoolsOptions, 'consume' | 'gaps'> {
  /** Around what stores rows; nothing where it is not given. */
  readonly store?: (work: () => Promise<void>) => Promise<void>;
  /** Of a sink that is not on this machine. */
  readonly countsLossesOfSink?: boolean;
  readonly onLost: (report: LossReport) => void;
}

export type LogWriterAdmin = Pick<EnvoyAdmin, 'reopenLogs' | 'logWrites'>;

/** The spool that an Envoy writes. */
export function envoyLog(admin: LogWriterAdmin): SpoolsOptions['logs'][number] {
  return {
    name: ENVOY_LOG,
    reopen: () => admin.reopenLogs(),
    // An Envoy that is away has written what it could.
    writes: () => admin.logWrites().catch(() => undefined),
  };
}

export async function openRowSpools<Line extends TimedLine, Row extends LogRow>({
  store = (work) => work(),
  ...options
}: RowSpoolsOptions<Line, Row>): Promise<Spools> {
  const consumer: LogConsumer<Line, Row> = new LogConsumer<Line, Row>({
    ...options,
    delivery: () => gaps.delivery,
    onLines: (lines, logFile, upTo) => {
      gaps.noteRead(logFile, lines.length);
      options.onLines?.(lines, logFile, upTo);
    },
    onUnreadableLines: (count, logFile) => {
      gaps.noteRead(logFile, count);
      options.onUnreadableLines(count, logFile);
    },
  });
  const gaps: LostDenials<Line, Row> = await LostDenials.open<Line, Row>({
    countsLossesOfSink: false,
    ...options,
    path: join(options.folder, 'lost.json'),
    files: atomicFiles,
    consumer: {
      positionOf: (logFile) => consumer.positionOf(logFile),
      checkSink: () => consumer.checkSink(),
      storeRows: (logFile, rows) => store(() => consumer.storeRows(logFile, rows)),
    },
  });
  return new Spools({ ...options, gaps, consume: (batch) => store(() => consumer.consume(batch)) });
}

/** What is done about it. */
const CONSEQUENCE =
  'rows with the reason DENIALS_NOT_KEPT count them; traffic was decided as always. Look at what takes the rows, or raise --spool-bytes';

const CAUSES: Readonly<Record<LossCause, string>> = {
  'spool-full':
    'lines waited until the spool had used its bytes (--spool-bytes), and the oldest were given up',
  'not-written': 'lines could not be written',
  'store-lost': 'they were stored, and the store has them no more',
};

export function describeLoss({ cause, log, lost, unreadable, firstTime, lastTime }: LossReport): string {
  const why = CAUSES[cause];
  const unsure = unreadable === 0 ? '' : ` (of ${unreadable} nobody can tell whether they were denials)`;
  return `Lost ${lost} denials${log === '' ? '' : ` of the log "${log}"`}${unsure}, from ${firstTime} to ${lastTime}: ${why}; ${CONSEQUENCE}`;
}

type LogFaults = Pick<
  RowSpoolsOptions<TimedLine, LogRow>,
  'onUnreadableLines' | 'onTruncatedLines' | 'onTornLine' | 'onLost' | 'onFailure'
>;

/** What goes wrong in the spools of a gateway in a cluster, as log lines and metrics. */
export function logFaults(logger: Logger, registry: Registry): LogFaults {
  const countLoss = measureLoss(registry);
  return {
    onUnreadableLines: (count, logFile) => {
      countLoss('unreadable', count);
      logger.warn('unreadable log lines', { logFile, count });
    },
    onTruncatedLines: (count, logFile) =>
      logger.warn('truncated log lines that were too long', { logFile, count }),
    onTornLine: (line) => logger.warn('a log line was not written to its end', { ...line }),
    onLost: (report) => {
      countLoss(report.cause, report.lost);
      logger.warn('denials are lost, and counted', { ...report, detail: describeLoss(report) });
    },
    onFailure: (error) => logger.warn('the log could not be read and is tried again', { error }),
  };
}
