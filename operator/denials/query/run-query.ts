// SQL typed by a person in, rows or an error sentence out. One SELECT, in a read-only transaction on a connection of
// its own, for a limited time and number of rows. It must never change the log.
import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type Json,
  StatementType,
} from '@duckdb/node-api';
import type { DenialStore } from '../store/duckdb/denial-store.ts';
import { chunkTaken, passChunks } from '../store/duckdb/free-chunks.ts';
import { writeParquet } from '../store/duckdb/parquet-file.ts';
import { checkSelect, notSelectMessage } from './check-select.ts';
import { toJsonValue } from './json-value.ts';
import { rewriteQuery } from './rewrite-query.ts';

export type JsonRow = Readonly<Record<string, Json>>;

export interface QueryRows {
  readonly columns: readonly string[];
  readonly rows: readonly JsonRow[];
  /** True where more rows exist than `maxRows`. */
  readonly truncated: boolean;
}

export interface QueryRejection {
  readonly error: string;
}

export type QueryAnswer = QueryRows | QueryRejection;

export interface QueryOptions {
  /** Default 10,000. */
  readonly maxRows?: number;
  /** Default 30,000; starts when the query does. */
  readonly timeLimitMs?: number;
  /** Called once where the query runs long after its time limit: it ignores DuckDB's interrupt. */
  readonly onRunaway?: () => void;
  /** Ends the query early, for example because nobody waits for it any more. */
  readonly signal?: AbortSignal;
}

export interface WriteOptions extends QueryOptions {
  /** Of the file. Default 1,000,000 rows. */
  readonly path: string;
}

/** How often the clock of a running query is checked. */
const CHECK_INTERVAL_MS = 50;
/** Grace after the time limit: one step of a query may take a while. */
const RUNAWAY_FACTOR = 1.5;

/** What a query needs of a store. */
export type QueriedStore = Pick<DenialStore, 'withReader' | 'closing'>;

/** Returns mistakes in the query as values; throws only where the log itself cannot be read. */
export function runQuery(store: QueriedStore, sql: string, options: QueryOptions = {}): Promise<QueryAnswer> {
  const { maxRows = 10_000 } = options;
  return run(store, sql, options, (connection, result, check) =>
    readRows(connection, result, { maxRows, check }),
  );
}

/** The rows as a Parquet file; more than `maxRows` are a mistake. Nothing is left where there is no file. */
export function writeQuery(
  store: QueriedStore,
  sql: string,
  options: WriteOptions,
): Promise<WrittenRows | QueryRejection> {
  const { path, maxRows = 1_000_000 } = options;
  return run(store, sql, options, (connection, result, check) =>
    writeRows(connection, result, { path, maxRows, check }),
  );
}

export interface WrittenRows {
  /** In the file. */
  readonly written: number;
}

type Take<Taken> = (connection: DuckDBConnection, result: DuckDBResult, check: () => void) => Promise<Taken>;

function run<Taken>(
  store: QueriedStore,
  sql: string,
  options: QueryOptions,
  take: Take<Taken>,
): Promise<Taken | QueryRejection> {
  const { timeLimitMs = 30_000, signal, onRunaway } = options;
  return store.withReader(async (connection) => {
    const stop = startClock(connection, timeLimitMs, () => endedEarly(store, signal));
    const runaway = setTimeout(() => onRunaway?.(), timeLimitMs * RUNAWAY_FACTOR);
    try {
      return await answer(connection, rewriteQuery(sql), stop.check, take);
    } catch (cause) {
      return { error: stop.reason() ?? queryError(cause) };
    } finally {
      stop.clear();
      clearTimeout(runaway);
    }
  });
}

async function answer<Taken>(
  connection: DuckDBConnection,
  sql: string,
  check: () => void,
  take: Take<Taken>,
): Promise<Taken | QueryRejection> {
  check();
  const rejection = await checkSelect(connection, sql);
  if (rejection !== null) return { error: rejection };
  const statement = await prepareSelect(connection, sql);
  if (!statement) return { error: notSelectMessage(sql) };
  check();
  return take(connection, await statement.stream(), check);
}

/** The second opinion on "one SELECT", from the statement that will really run. */
async function prepareSelect(
  connection: DuckDBConnection,
  sql: string,
): Promise<DuckDBPreparedStatement | null> {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) return null;
  const statement = await statements.prepare(0);
  return statement.statementType === StatementType.SELECT ? statement : null;
}

async function readRows(
  connection: DuckDBConnection,
  result: DuckDBResult,
  { maxRows, check }: { readonly maxRows: number; readonly check: () => void },
): Promise<QueryRows> {
  const rows: JsonRow[] = [];
  try {
    for await (const chunk of result.yieldConvertedRowObjects(toJsonValue)) {
      for (const row of chunk) rows.push(row);
      if (rows.length > maxRows) break;
      check();
      chunkTaken();
    }
  } finally {
    await endStream(connection, result);
  }
  // An interrupted stream may end without an error, as if there were no more rows.
  check();
  const truncated = rows.length > maxRows;
  return { columns: result.deduplicatedColumnNames(), rows: rows.slice(0, maxRows), truncated };
}

/** So much of a disk that rows of gateways need, too. */
const MOST_FILE_BYTES = 512 * 1024 * 1024;

async function writeRows(
  connection: DuckDBConnection,
  result: DuckDBResult,
  { path, maxRows, check }: { readonly path: string; readonly maxRows: number; readonly check: () => void },
): Promise<WrittenRows> {
  const types = result.columnTypes();
  let rows = 0;
  const written = await writeParquet({
    path,
    columns: result.deduplicatedColumnNames().map((name, at) => ({ name, type: String(types[at]) })),
    mostBytes: MOST_FILE_BYTES,
    fill: async (take) => {
      try {
        await passChunks(result, (chunk) => {
          rows += chunk.rowCount;
          if (rows > maxRows) throw new Error(`it has more than ${maxRows} rows; narrow it, or use LIMIT`);
          take(chunk);
          check();
        });
      } finally {
        await endStream(connection, result);
      }
      check();
    },
  });
  return { written };
}

/** Releases what an unread result holds: its transaction, its memory, the file. */
async function endStream(connection: DuckDBConnection, result: DuckDBResult): Promise<void> {
  connection.interrupt();
  try {
    while ((await result.fetchChunk())?.rowCount) continue;
  } catch {
    // The interrupt, or the error that was reported already.
  }
}

/**
 * DuckDB loses an interrupt that arrives between two steps of a query, so it is repeated until the query has ended, and
 * `check` is called between the steps.
 */
function startClock(connection: DuckDBConnection, timeLimitMs: number, ended: () => string | null) {
  const endMs = performance.now() + timeLimitMs;
  const reason = () => {
    if (performance.now() < endMs) return ended();
    return `Cannot finish the query within ${timeLimitMs / 1000} s: narrow it, for example by event_time`;
  };
  const timer = setInterval(() => {
    if (reason() !== null) connection.interrupt();
  }, CHECK_INTERVAL_MS);
  return {
    reason,
    check: () => {
      const text = reason();
      if (text !== null) throw new Error(text);
    },
    clear: () => clearInterval(timer),
  };
}

function endedEarly(store: QueriedStore, signal: AbortSignal | undefined): string | null {
  if (store.closing) return 'Cannot finish the query: the denial log is closing';
  return signal?.aborted ? 'Cannot finish the query: the caller has gone' : null;
}

function queryError(cause: unknown): string {
  // Errors in the middle of a stream come with a prefix of their own.
  const text = (cause instanceof Error ? cause.message : String(cause)).replace(/^Error: /, '');
  if (text.startsWith('Out of Memory')) {
    return 'Cannot run the query within the memory of the denial log: narrow it, for example by event_time or LIMIT';
  }
  return `Cannot run the query: ${text}`;
}
