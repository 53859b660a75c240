// Denials of a gateway in a cluster: one JSON line each on standard output, under the names that the columns of the
// denial log have. After a crash some lines are read again and come out twice, under the same event_id; sequence
// numbers begin anew with each process.
import { denialsOf, type LogOrigin, readLines } from '../denials/read-denials.ts';
import type { LogBatch } from '../gateway/log/log-batch.ts';
import type { Logger } from '../lib/logger.ts';
import type { Denial } from '../model/denial.ts';

export interface GatewayDenialsOptions extends LogOrigin {
  readonly logger: Logger;
  /** Each is counted. */
  readonly onDenial: (denial: Denial) => void;
}

/** Consumer of the log tail. */
export function gatewayDenials(options: GatewayDenialsOptions): (batch: LogBatch) => Promise<void> {
  const { logger, onDenial } = options;
  let sequence = 0;
  return async (batch) => {
    const { lines, unreadable, cut } = readLines(batch.lines);
    const denials = denialsOf(batch.logFile, lines, sequence, options);
    sequence += denials.length;
    if (unreadable > 0)
      logger.warn('log lines cannot be read', { logFile: batch.logFile, count: unreadable });
    if (cut > 0) logger.warn('log lines were too long and are cut', { logFile: batch.logFile, count: cut });
    for (const denial of denials) {
      logger.info('denial', columnsOf(denial));
      onDenial(denial);
    }
  };
}

function columnsOf(record: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value instanceof Object ? columnsOf(value) : value,
    ]),
  );
}
