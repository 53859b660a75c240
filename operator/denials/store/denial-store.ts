// Denials go in by batches of log lines, SQL reads them out. One process, one DenialStore per file. Rows and the
// position in the gateway's log are written in one transaction, so a batch that is sent again after a crash on either
// side is harmless. Must never store a row without its position, nor a position without its rows.

import {
  BIGINT,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBInstance,
  DuckDBTimestampTZValue,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';

import type { Denial } from '../../model/denial.ts';
import { denialColumns, epochMicros } from './denial-columns.ts';
import { type DatabaseOptions, type OpenedDatabase, openDatabase } from './open-database.ts';
import type { SetAside } from './set-aside.ts';

export interface DenialBatch {
  readonly gateway: string;
  /** Name of the log file, unique per gateway for as long as it may be sent again. */
  readonly logFile: string;
  /** Byte offset in the log file after the last line that the batch covers, denial or not. */
  readonly upTo: number;
  readonly denials: readonly Denial[];
  /** Rows of former batches that stand for more denials now. */
  readonly raised?: readonly RaisedRow[];
}

export interface RaisedRow {
  readonly eventId: string;
  readonly eventTime: string;
  readonly by: number;
}

export interface LogPosition {
  readonly gateway: string;
  readonly logFile: string;
  /** Byte offset up to which everything is stored. */
  readonly upTo: number;
}

export interface AppendOutcome {
  readonly stored: number;
  readonly duplicates: number;
}

export interface DenialCounts {
  readonly total: number;
  readonly drops: number;
  readonly dryRunDenials: number;
}

/** DuckDB's own vector size: a chunk may not be longer. */
const chunkRows = 2048;

/**
 * Queries hold threads of Node's pool (4 by default), which the writer needs too. With at most two running, a slow
 * query delays other queries, never the writer.
 */
const maxReaders = 2;

export class DenialStore {
  readonly path: string;
  /** The former file, where it was unusable. */
  readonly setAside: SetAside | undefined;
  readonly #instance: DuckDBInstance;
  readonly #writer: DuckDBConnection;
  readonly #readers = new Set<DuckDBConnection>();
  readonly #waitingReaders: (() => void)[] = [];
  #freeReaders = maxReaders;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(path: string, { instance, setAside }: OpenedDatabase, writer: DuckDBConnection) {
    this.path = path;
    this.setAside = setAside;
    this.#instance = instance;
    this.#writer = writer;
  }

  /** Throws an Error that names the file and what to do, for example when it is open elsewhere. */
  static async open(path: string, options: DatabaseOptions = {}): Promise<DenialStore> {
    const opened = await openDatabase(path, options);
    return new DenialStore(path, opened, await opened.instance.connect());
  }

  /**
   * Rows below the stored position are dropped as duplicates. Throws when nothing of the batch was stored, for
   * example while a query takes all the memory: the same batch can be sent again.
   */
  append(batch: DenialBatch): Promise<AppendOutcome> {
    return this.#inTurn(async () => {
      const from = await this.#position(batch);
      const fresh = freshDenials(batch, from);
      await this.#insert(fresh);
      await this.#raise(batch.raised ?? []);
      if (batch.upTo > from) await this.#setPosition(batch);
      return { stored: fresh.length, duplicates: batch.denials.length - fresh.length };
    });
  }

  /** Retention. Returns the number of rows removed; positions stay, so old lines are not stored again. */
  deleteBefore(time: Date): Promise<number> {
    const micros = BigInt(time.getTime()) * 1000n;
    return this.#inTurn(async () => {
      const statement = 'DELETE FROM access.outbound_network WHERE event_time < $1';
      const result = await this.#writer.run(statement, [new DuckDBTimestampTZValue(micros)]);
      return result.rowsChanged;
    });
  }

  /** Removes at least this share of the rows, the oldest ones; returns how many. */
  deleteOldest(share: number): Promise<number> {
    return this.#inTurn(async () => {
      const result = await this.#writer.run(
        `DELETE FROM access.outbound_network WHERE event_time <=
         (SELECT quantile_disc(event_time, $1) FROM access.outbound_network)`,
        [share],
      );
      return result.rowsChanged;
    });
  }

  /** Used bytes of the file; free ones are used again before it grows. */
  usedBytes(): Promise<number> {
    return this.#inTurn(async () => {
      const result = await this.#writer.run('SELECT used_blocks * block_size FROM pragma_database_size()');
      return Number((await result.getRows())[0]?.[0] ?? 0);
    });
  }

  /** Folds the write-ahead log into the file and frees what was deleted; false where a query is in the way. */
  checkpoint(): Promise<boolean> {
    const outcome = this.#lastTurn
      .then(() => this.#writer.run('CHECKPOINT'))
      .then(
        () => true,
        () => false,
      );
    this.#lastTurn = outcome;
    return outcome;
  }

  positions(): Promise<readonly LogPosition[]> {
    return this.#inTurn(async () => {
      const result = await this.#writer.run(
        'SELECT gateway, log_file, upto FROM sallyport.log_positions ORDER BY ALL',
      );
      const rows = await result.getRows();
      return rows.map(([gateway, logFile, upTo]) => ({
        gateway: String(gateway),
        logFile: String(logFile),
        upTo: Number(upTo),
      }));
    });
  }

  /** The highest sequence number stored for a gateway; 0 where it has no rows. */
  lastSequence(gateway: string): Promise<number> {
    return this.withReader(async (connection) => {
      const result = await connection.run(
        'SELECT coalesce(max(sequence), 0) FROM access.outbound_network WHERE starts_with(event_id, $1)',
        [`${gateway}/`],
      );
      return Number((await result.getRows())[0]?.[0] ?? 0);
    });
  }

  counts(): Promise<DenialCounts> {
    return this.#inTurn(async () => {
      const result = await this.#writer.run(
        `SELECT count(*), count(*) FILTER (access_type = 'DROP'), count(*) FILTER (access_type = 'DRY_RUN_DENIAL')
         FROM access.outbound_network`,
      );
      const [total, drops, dryRunDenials] = (await result.getRows())[0] ?? [];
      return { total: Number(total), drops: Number(drops), dryRunDenials: Number(dryRunDenials) };
    });
  }

  /** True from the call of close() on: a query's result may be incomplete then. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Lends a connection inside a read-only transaction; waits while two others are lent. Whoever streams a result
   * must end the stream: DuckDB keeps the file open for it otherwise, until it is garbage-collected.
   */
  async withReader<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    await this.#takeReaderSlot();
    try {
      if (this.#closing) throw this.#closedError();
      const connection = await this.#instance.connect();
      this.#readers.add(connection);
      try {
        await connection.run('BEGIN TRANSACTION READ ONLY');
        return await work(connection);
      } finally {
        this.#readers.delete(connection);
        connection.closeSync();
      }
    } finally {
      this.#releaseReaderSlot();
    }
  }

  /** Ends running queries, waits for the last append, and folds the write-ahead log into the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#lastTurn;
    await this.#endReaders();
    this.#writer.closeSync();
    this.#instance.closeSync();
  }

  async #endReaders(): Promise<void> {
    // A query between two of its steps ignores an interrupt, hence more than one.
    const interrupts = setInterval(() => this.#readers.forEach((reader) => reader.interrupt()), 20);
    for (let taken = 0; taken < maxReaders; taken += 1) await this.#takeReaderSlot();
    clearInterval(interrupts);
    // From now on callers get a connection at once, and the error that the log is closed.
    for (let freed = 0; freed < maxReaders; freed += 1) this.#releaseReaderSlot();
  }

  /**
   * One piece of work on the writer's connection after the other, each in a transaction. A failure is the caller's; the
   * next one runs. Positions and counts are read here too, so that no query can delay them.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(this.#closedError());
    const outcome = this.#lastTurn.then(() => this.#transaction(work));
    this.#lastTurn = outcome.catch(() => undefined);
    return outcome;
  }

  async #transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.#writer.run('BEGIN');
    try {
      const value = await work();
      await this.#writer.run('COMMIT');
      return value;
    } catch (cause) {
      // A failed COMMIT has rolled back already; the error of the ROLLBACK is ignored.
      await this.#writer.run('ROLLBACK').catch(() => undefined);
      throw cause;
    }
  }

  async #position({ gateway, logFile }: DenialBatch): Promise<number> {
    const result = await this.#writer.run(
      'SELECT upto FROM sallyport.log_positions WHERE gateway = $1 AND log_file = $2',
      [gateway, logFile],
    );
    return Number((await result.getRows())[0]?.[0] ?? 0);
  }

  async #setPosition({ gateway, logFile, upTo }: DenialBatch): Promise<void> {
    await this.#writer.run(
      'INSERT INTO sallyport.log_positions VALUES ($1, $2, $3) ON CONFLICT DO UPDATE SET upto = excluded.upto',
      [gateway, logFile, BigInt(upTo)],
    );
  }

  async #insert(denials: readonly Denial[]): Promise<void> {
    const appender = await this.#writer.createAppender('outbound_network', 'access');
    try {
      const types = denialColumns.map((_, index) => appender.columnType(index));
      for (let start = 0; start < denials.length; start += chunkRows) {
        const slice = denials.slice(start, start + chunkRows);
        const chunk = DuckDBDataChunk.create(types, slice.length);
        chunk.setColumns(denialColumns.map((column) => slice.map(column.value)));
        appender.appendDataChunk(chunk);
      }
    } finally {
      appender.closeSync();
    }
  }

  /** Throws where a row is missing, since its denials would be lost. */
  async #raise(raised: readonly RaisedRow[]): Promise<void> {
    if (raised.length === 0) return;
    const times = raised.map(epochMicros).toSorted((a, b) => Number(a - b));
    const result = await this.#writer.run(
      `UPDATE access.outbound_network AS row SET repeats = row.repeats + raised.by
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

  async #takeReaderSlot(): Promise<void> {
    if (this.#freeReaders > 0) this.#freeReaders -= 1;
    else await new Promise<void>((resolve) => this.#waitingReaders.push(resolve));
  }

  #releaseReaderSlot(): void {
    const next = this.#waitingReaders.shift();
    if (next) next();
    else this.#freeReaders += 1;
  }

  #closedError(): Error {
    return new Error(`Cannot use denial log "${this.path}": it is closed`);
  }
}

/** The denials at or after `from`, each id once. Throws on a row outside the batch: its replay would store it twice. */
function freshDenials({ gateway, logFile, upTo, denials }: DenialBatch, from: number): readonly Denial[] {
  const prefix = `${gateway}/${logFile}/`;
  const fresh = new Map<number, Denial>();
  for (const denial of denials) {
    const offset = denial.eventId.startsWith(prefix)
      ? Number(denial.eventId.slice(prefix.length))
      : Number.NaN;
    if (!Number.isSafeInteger(offset) || offset < 0 || offset >= upTo) {
      throw new RangeError(
        `Cannot store denial "${denial.eventId}": the batch covers "${prefix}" up to byte ${upTo} only`,
      );
    }
    if (offset >= from && !fresh.has(offset)) fresh.set(offset, denial);
  }
  return [...fresh.values()];
}
