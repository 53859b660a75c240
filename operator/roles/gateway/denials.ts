// Denials of a gateway in a cluster: one JSON line each on standard output, with the column names of the denial log.
// After a crash some lines are read again and written twice, with the same event_id; sequence numbers restart with each
// process.
import { denialsOf, type LogOrigin, readLines } from '../../denials/reading/read-denials.ts';
import { RowBudget } from '../../denials/store/row-budget.ts';
import type { LogBatch } from '../../gateway/log/log-batch.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Denial } from '../../model/denial.ts';

export interface GatewayDenialsOptions extends LogOrigin {
  readonly logger: Logger;
  /** Of each lane, before one stands for several denials. */
  readonly rowsPerSecond: number;
  /** Called for each denial. */
  readonly onDenial: (denial: Denial) => void;
}

/** Consumer of the log tail. */
export function gatewayDenials(options: GatewayDenialsOptions): (batch: LogBatch) => Promise<void> {
  const { logger, onDenial } = options;
  const budget = new RowBudget({ canRaise: false, rowsPerSecond: options.rowsPerSecond });
  let sequence = 0;
  return async (batch) => {
    const { lines, unreadable, cut } = readLines(batch.lines);
    const { rows } = budget.take(denialsOf(batch.logFile, lines, options), sequence);
    sequence += rows.length;
    if (unreadable > 0) logger.warn('unreadable log lines', { logFile: batch.logFile, count: unreadable });
    if (cut > 0)
      logger.warn('truncated log lines that were too long', { logFile: batch.logFile, count: cut });
    for (const denial of rows) {
      logger.info('denial', columnsOf(denial));
      onDenial(denial);
    }
  };
}

function columnsOf(record: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value instanceof Object && !Array.isArray(value) ? columnsOf(value) : value,
    ]),
  );
}
