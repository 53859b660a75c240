// The rows of a batch that a store does not have yet.
import type { LogRow, RowBatch } from './row-sink.ts';

/** Nothing of the batch was stored, and its sender does not know what is: it asks for the progress, and sends the rest. */
export class OvertakenError extends Error {
  constructor(
    { gateway, logFile }: Pick<RowBatch<LogRow>, 'gateway' | 'logFile'>,
    reason = 'were stored since it asked where it stands, or the store has lost some',
  ) {
    super(`Cannot store the batch: rows of gateway "${gateway}", log "${logFile}", ${reason}; ask again`);
  }
}

/**
 * Of rows that are to count more, some are not there, as retention deleted them: their sender makes rows of its own of what
 * they were to count, so nothing is lost.
 */
export function rowsMissing(batch: RowBatch<LogRow>, found: number, wanted: number): OvertakenError {
  return new OvertakenError(batch, `are to count more, and ${found} of ${wanted} rows are there`);
}

/**
 * All of them, each id once, or none where the whole batch is below `from`, the stored position. Throws an OvertakenError
 * where a part is: a row below it may count denials of lines above it. Throws on a row outside the batch: its replay would
 * store it twice.
 */
export function freshRows<Row extends LogRow>(batch: RowBatch<Row>, from: number): readonly Row[] {
  const rows = new Map(batch.denials.map((row) => [offsetOf(row, batch), row] as const).reverse());
  if (batch.upTo <= from) return [];
  if ([...rows.keys()].some((offset) => offset < from)) throw new OvertakenError(batch);
  return [...rows.values()].reverse();
}

function offsetOf({ eventId }: LogRow, { gateway, logFile, upTo }: RowBatch<LogRow>): number {
  const prefix = `${gateway}/${logFile}/`;
  const offset = eventId.startsWith(prefix) ? Number(eventId.slice(prefix.length)) : Number.NaN;
  if (Number.isSafeInteger(offset) && offset >= 0 && offset < upTo) return offset;
  throw new RangeError(
    `Cannot store denial "${eventId}": the batch covers "${prefix}" up to byte ${upTo} only`,
  );
}
