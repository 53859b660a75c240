// The denial log as a DuckDB file: batches of rows in, SQL out. One process, one DenialStore per file. Rows
// and the position in the gateway's log are written in one transaction, so a batch that is sent again after a crash on
// either side is harmless. Must never store a row without its position, nor a position without its rows.
import { type DuckDBConnection, type DuckDBInstance, DuckDBTimestampTZValue } from '@duckdb/node-api';
import type { RetainedRows } from '../denial-retention.ts';
import type { AppendOutcome, RowBatch, RowSink, SinkProgress } from '../row-sink.ts';
import { appendBatch } from './append-batch.ts';
import { type DatabaseOptions, type OpenedDatabase, openDatabase } from './open-database.ts';
import { Readers } from './readers.ts';
import type { SetAside } from './set-aside.ts';
import { Writer } from './writer.ts';

export class DenialStore implements RowSink, RetainedRows {
  readonly canRaise = true;
  readonly path: string;
  /** The former file, where it was unusable. */
  readonly setAside: SetAside | undefined;
  readonly #instance: DuckDBInstance;
  readonly #writer: Writer;
  readonly #readers: Readers;
  #closing: Promise<void> | undefined;

  private constructor(path: string, { instance, setAside }: OpenedDatabase, writer: DuckDBConnection) {
    this.path = path;
    this.setAside = setAside;
    this.#instance = instance;
    this.#writer = new Writer(writer);
    this.#readers = new Readers(instance, () => this.#checkOpen());
  }

  /** Throws an Error that names the file and what to do, for example when it is open elsewhere. */
  static async open(path: string, options: DatabaseOptions = {}): Promise<DenialStore> {
    const opened = await openDatabase(path, options);
    return new DenialStore(path, opened, await opened.instance.connect());
  }

  /** Throws when nothing of the batch was stored, for example while a query takes all the memory. */
  append(batch: RowBatch): Promise<AppendOutcome> {
    return this.#write((connection) => appendBatch(connection, batch));
  }

  /** Read by the writer, so that no query can delay it. */
  progress(gateway: string): Promise<SinkProgress> {
    return this.#write(async (connection) => {
      const positions = await connection.run(
        'SELECT log_file, upto FROM sallyport.log_positions WHERE gateway = $1',
        [gateway],
      );
      const last = await connection.run(
        'SELECT coalesce(max(sequence), 0) FROM access.outbound_network WHERE starts_with(event_id, $1)',
        [`${gateway}/`],
      );
      const rows = await positions.getRows();
      return {
        positions: new Map(rows.map(([logFile, upTo]) => [String(logFile), Number(upTo)])),
        lastSequence: Number((await last.getRows())[0]?.[0]),
      };
    });
  }

  /** Positions stay, so old lines are not stored again. */
  deleteBefore(time: Date): Promise<number> {
    const micros = BigInt(time.getTime()) * 1000n;
    return this.#write(async (connection) => {
      const statement = 'DELETE FROM access.outbound_network WHERE event_time < $1';
      return (await connection.run(statement, [new DuckDBTimestampTZValue(micros)])).rowsChanged;
    });
  }

  deleteOldest(share: number): Promise<number> {
    return this.#write(async (connection) => {
      const result = await connection.run(
        `DELETE FROM access.outbound_network WHERE event_time <=
         (SELECT quantile_disc(event_time, $1) FROM access.outbound_network)`,
        [share],
      );
      return result.rowsChanged;
    });
  }

  usedBytes(): Promise<number> {
    return this.#write(async (connection) => {
      const result = await connection.run('SELECT used_blocks * block_size FROM pragma_database_size()');
      return Number((await result.getRows())[0]?.[0] ?? 0);
    });
  }

  checkpoint(): Promise<boolean> {
    return this.#writer.checkpoint();
  }

  /** True from the call of close() on: a query's result may be incomplete then. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Lends a connection inside a read-only transaction; waits while two others are lent. Whoever streams a result
   * must end the stream: DuckDB keeps the file open for it otherwise, until it is garbage-collected.
   */
  withReader<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.#readers.lend(work);
  }

  /** Ends running queries, waits for the last append, and folds the write-ahead log into the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    await this.#readers.end();
    this.#instance.closeSync();
  }

  async #write<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return await this.#writer.transact(work);
  }

  #checkOpen(): void {
    if (this.closing) throw new Error(`Cannot use denial log "${this.path}": it is closed`);
  }
}
