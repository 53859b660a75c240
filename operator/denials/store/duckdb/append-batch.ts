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
import { epochMicros } from '../event-time.ts';
import { freshRows } from '../fresh-rows.ts';
import type { LogTable } from '../log-tables.ts';
import type { AppendOutcome, LogRow, RaisedRow, RowBatch } from '../row-sink.ts';
import { duckdbValue } from './column-values.ts';

/** DuckDB's own vector size: a chunk may not be longer. */
const CHUNK_ROWS = 2048;

/** Rows below the stored position are dropped as duplicates, as are raised rows of a batch that lies below it. */
export async function appendBatch<Row extends LogRow>(
  connection: DuckDBConnection,
  table: LogTable<Row>,
  batch: RowBatch<Row>,
): Promise<AppendOutcome> {
  const from = await storedPosition(connection, batch);
  const fresh = freshRows(batch, from);
  await insertRows(connection, table, fresh);
  if (batch.upTo > from) {
    await raise(connection, table.name, batch.raised ?? []);
    await setPosition(connection, batch);
  }
  return { stored: fresh.length, duplicates: batch.denials.length - fresh.length };
}

type BatchPlace = Pick<RowBatch<LogRow>, 'gateway' | 'logFile' | 'upTo'>;

async function storedPosition(
  connection: DuckDBConnection,
  { gateway, logFile }: BatchPlace,
): Promise<number> {
  const result = await connection.run(
    'SELECT upto FROM sallyport.log_positions WHERE gateway = $1 AND log_file = $2',
    [gateway, logFile],
  );
  return Number((await result.getRows())[0]?.[0] ?? 0);
}

async function setPosition(
  connection: DuckDBConnection,
  { gateway, logFile, upTo }: BatchPlace,
): Promise<void> {
  await connection.run(
    'INSERT INTO sallyport.log_positions VALUES ($1, $2, $3) ON CONFLICT DO UPDATE SET upto = excluded.upto',
    [gateway, logFile, BigInt(upTo)],
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
  raised: readonly RaisedRow[],
): Promise<void> {
  if (raised.length === 0) return;
  const times = raised.map(({ eventTime }) => epochMicros(eventTime)).toSorted((a, b) => Number(a - b));
  const result = await connection.run(
    `UPDATE access.${table} AS row SET repeats = row.repeats + raised.by
     FROM (SELECT unnest($1) AS id, unnest($2) AS by) AS raised
     WHERE row.event_time BETWEEN $3 AND $4 AND row.event_id = raised.id`,
    [
      listValue(raised.map(({ eventId }) => eventId)),
      listValue(raised.map(({ by }) => BigInt(by))),
      new DuckDBTimestampTZValue(times[0] ?? 0n),
      new DuckDBTimestampTZValue(times.at(-1) ?? 0n),
    ],
    [LIST(VARCHAR), LIST(BIGINT), TIMESTAMPTZ, TIMESTAMPTZ],
  );
  if (result.rowsChanged === raised.length) return;
  throw new Error(`Cannot count repeats: ${result.rowsChanged} of ${raised.length} rows are there`);
}
