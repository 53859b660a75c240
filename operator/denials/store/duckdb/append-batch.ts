// One batch of rows -> DuckDB, within a transaction of the caller: rows, raised rows and the position in the log.
import {
  BIGINT,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBTimestampTZValue,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import { freshRows, OvertakenError, rowsMissing } from '../fresh-rows.ts';
import type { LogTable } from '../log-tables.ts';
import { rangesOf, sumOfRaises, type TimeRange } from '../raised-rows.ts';
import { type AppendOutcome, denialsIn, type LogRow, type RaisedRow, type RowBatch } from '../row-sink.ts';
import { duckdbValue } from './column-values.ts';
import { runKept } from './kept-statements.ts';

/** DuckDB's own vector size: a chunk may not be longer. */
const CHUNK_ROWS = 2048;
/** Of each log of a gateway, whose positions are remembered. */
const KEPT_FILES = 16;

/**
 * Rows below the stored position are dropped as duplicates, as are raised rows of a batch that lies below it. Throws an
 * OvertakenError for rows whose numbers do not follow those that are stored: some were stored since, or the store has
 * lost some; and for raised rows that are not there.
 */
export async function appendBatch<Row extends LogRow>(
  connection: DuckDBConnection,
  table: LogTable<Row>,
  batch: RowBatch<Row>,
): Promise<AppendOutcome> {
  const stored = await storedOf(connection, batch);
  const fresh = freshRows(batch, stored.upTo);
  const outcome = { stored: fresh.length, duplicates: batch.denials.length - fresh.length };
  if (batch.upTo <= stored.upTo) return outcome;
  if (fresh[0] !== undefined && fresh[0].sequence !== stored.lastSequence + 1)
    throw new OvertakenError(batch);
  const raised = batch.raised ?? [];
  await insertRows(connection, table, fresh);
  await raise(connection, table.name, { ...batch, raised });
  await setPosition(connection, batch, {
    lastSequence: fresh.at(-1)?.sequence ?? stored.lastSequence,
    denials: stored.denials + denialsIn(fresh, raised),
  });
  if (stored.upTo === 0) await forgetFormerFiles(connection, batch);
  return outcome;
}

interface GatewayTotals {
  readonly lastSequence: number;
  readonly denials: number;
}

/** Of one gateway: it has a few rows. */
async function storedOf(
  connection: DuckDBConnection,
  { gateway, logFile }: BatchPlace,
): Promise<GatewayTotals & { readonly upTo: number }> {
  const result = await runKept(
    connection,
    `SELECT coalesce(max(upto) FILTER (WHERE log_file = $2), 0), coalesce(max(sequence), 0), coalesce(max(denials), 0)
     FROM sallyport.log_positions WHERE gateway = $1`,
    [gateway, logFile],
  );
  const [upTo, lastSequence, denials] = (await result.getRows())[0]?.map(Number) ?? [];
  return { upTo: upTo ?? 0, lastSequence: lastSequence ?? 0, denials: denials ?? 0 };
}

type BatchPlace = Pick<RowBatch<LogRow>, 'gateway' | 'logFile' | 'upTo'>;

async function setPosition(
  connection: DuckDBConnection,
  { gateway, logFile, upTo }: BatchPlace,
  { lastSequence, denials }: GatewayTotals,
): Promise<void> {
  await runKept(
    connection,
    `INSERT INTO sallyport.log_positions VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT DO UPDATE SET
       upto = excluded.upto, sequence = excluded.sequence, denials = excluded.denials, stored_at = excluded.stored_at`,
    [gateway, logFile, BigInt(upTo), BigInt(lastSequence), BigInt(denials)],
  );
}

/**
 * A gateway reads the files of a log one after the other, and notes on its disk that it begins with one before it sends
 * a row of that: earlier ones are never sent again. A few stay all the same.
 */
async function forgetFormerFiles(
  connection: DuckDBConnection,
  { gateway, logFile }: BatchPlace,
): Promise<void> {
  const [, log, number] = /^(.+-)(\d+)$/.exec(logFile) ?? [];
  if (log === undefined) return;
  await connection.run(
    `DELETE FROM sallyport.log_positions
     WHERE gateway = $1 AND starts_with(log_file, $2) AND try_cast(substr(log_file, $3) AS BIGINT) < $4`,
    [gateway, log, log.length + 1, BigInt(Number(number) - KEPT_FILES)],
  );
}

export async function insertRows<Row>(
  connection: DuckDBConnection,
  { name, columns }: LogTable<Row>,
  denials: readonly Row[],
): Promise<void> {
  const appender = await connection.createAppender(name, 'access');
  try {
    const types = columns.map((_, index) => appender.columnType(index));
    for (let start = 0; start < denials.length; start += CHUNK_ROWS) {
      const slice = denials.slice(start, start + CHUNK_ROWS);
      const chunk = DuckDBDataChunk.create(types, slice.length);
      chunk.setColumns(
        columns.map(({ type, value }) => slice.map((denial) => duckdbValue(type, value(denial)))),
      );
      appender.appendDataChunk(chunk);
    }
  } finally {
    appender.closeSync();
  }
}

/** Throws where a row is missing, since its denials would be lost. */
async function raise(
  connection: DuckDBConnection,
  table: string,
  batch: RowBatch<LogRow> & Required<Pick<RowBatch<LogRow>, 'raised'>>,
): Promise<void> {
  const all = sumOfRaises(batch.raised);
  let missing = all;
  for (const range of rangesOf(all)) {
    if (missing.length === 0) return;
    const found = await raiseWithin(connection, table, { raised: missing, range });
    missing = missing.filter(({ eventId }) => !found.has(eventId));
  }
  if (missing.length > 0) throw rowsMissing(batch, all.length - missing.length, all.length);
}

/**
 * Resolves to the ids of those that are there. They are read only where some are missing: an UPDATE that returns something
 * writes its rows anew, with all that is in them.
 */
async function raiseWithin(
  connection: DuckDBConnection,
  table: string,
  { raised, range }: { readonly raised: readonly RaisedRow[]; readonly range: TimeRange },
): Promise<ReadonlySet<string>> {
  const ids = raised.map(({ eventId }) => eventId);
  const bounds = [
    new DuckDBTimestampTZValue(range.firstMicros),
    new DuckDBTimestampTZValue(range.lastMicros),
  ] as const;
  const { rowsChanged } = await connection.run(
    `UPDATE access.${table} AS row SET repeats = row.repeats + raised.by
     FROM (SELECT unnest($1) AS id, unnest($2) AS by) AS raised
     WHERE row.event_time BETWEEN $3 AND $4 AND row.event_id = raised.id`,
    [listValue(ids), listValue(raised.map(({ by }) => BigInt(by))), ...bounds],
    [LIST(VARCHAR), LIST(BIGINT), TIMESTAMPTZ, TIMESTAMPTZ],
  );
  if (rowsChanged === raised.length) return new Set(ids);
  const result = await connection.run(
    `SELECT event_id FROM access.${table} WHERE event_time BETWEEN $2 AND $3 AND list_contains($1, event_id)`,
    [listValue(ids), ...bounds],
    [LIST(VARCHAR), TIMESTAMPTZ, TIMESTAMPTZ],
  );
  return new Set((await result.getRows()).map(([eventId]) => String(eventId)));
}
