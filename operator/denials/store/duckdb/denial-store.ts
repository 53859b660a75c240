// The denial log as a DuckDB file: batches of rows in, SQL out. One process, one DenialStore per file. Rows
// and the position in the gateway's log are written in one transaction, so a batch that is sent again after a crash on
// either side is harmless. Must never store a row without its position, nor a position without its rows.
import { type DuckDBConnection, type DuckDBInstance, DuckDBTimestampTZValue } from '@duckdb/node-api';
import type { Denial } from '../../../model/denial.ts';
import type { EntryUseReport } from '../../../model/entry-use-row.ts';
import type { InboundDenial } from '../../../model/inbound-denial.ts';
import type { DayCount } from '../day-count.ts';
import type { RetainedRows } from '../denial-retention.ts';
import type { EntryUseStore } from '../entry-use-store.ts';
import {
  ENTRY_USES_TABLE,
  INBOUND_TABLE,
  LOG_TABLES,
  type LogTable,
  OUTBOUND_TABLE,
  QUERIED_TABLES,
  type SchemaTable,
} from '../log-tables.ts';
import type { AppendOutcome, LogRow, RowBatch, RowSink, SinkProgress } from '../row-sink.ts';
import { appendBatch } from './append-batch.ts';
import { countDays, deleteDays } from './day-rows.ts';
import { forgetGateways } from './forget-gateways.ts';
import { KnownWorkspaces } from './known-workspaces.ts';
import { type DatabaseOptions, type OpenedDatabase, openDatabase } from './open-database.ts';
import { Readers } from './readers.ts';
import { recordUses } from './record-uses.ts';
import type { SetAside } from './set-aside.ts';
import { Writer } from './writer.ts';

export class DenialStore implements RowSink<Denial>, RetainedRows, EntryUseStore {
  readonly canRaise = true;
  /** Denied requests to workspaces; the store itself takes denied connections of workloads. */
  readonly inbound: RowSink<InboundDenial>;
  readonly path: string;
  /** The former file, where it was unusable. */
  readonly setAside: SetAside | undefined;
  readonly #instance: DuckDBInstance;
  readonly #writer: Writer;
  readonly #readers: Readers;
  readonly #workspaces = new KnownWorkspaces(() => this.#readWorkspaces(LOG_TABLES));
  #closing: Promise<void> | undefined;

  private constructor(path: string, { instance, setAside }: OpenedDatabase, writer: DuckDBConnection) {
    this.path = path;
    this.setAside = setAside;
    this.#instance = instance;
    this.#writer = new Writer(writer);
    this.#readers = new Readers(instance, () => this.#checkOpen());
    this.inbound = {
      canRaise: true,
      append: (batch) => this.#append(INBOUND_TABLE, batch),
      progress: (gateway) => this.#progress(gateway),
    };
  }

  /** Throws an Error that names the file and what to do, for example when it is open elsewhere. */
  static async open(path: string, options: DatabaseOptions = {}): Promise<DenialStore> {
    const opened = await openDatabase(path, options);
    return new DenialStore(path, opened, await opened.instance.connect());
  }

  /** Throws when nothing of the batch was stored, for example while a query takes all the memory. */
  append(batch: RowBatch<Denial>): Promise<AppendOutcome> {
    return this.#append(OUTBOUND_TABLE, batch);
  }

  progress(gateway: string): Promise<SinkProgress> {
    return this.#progress(gateway);
  }

  recordUses(gateway: string, report: EntryUseReport): Promise<void> {
    return this.#write((connection) => recordUses(connection, gateway, report));
  }

  /** Positions stay, so old lines are not stored again. */
  async deleteBefore(time: Date): Promise<number> {
    return this.#delete(QUERIED_TABLES, '<', new DuckDBTimestampTZValue(BigInt(time.getTime()) * 1000n));
  }

  /** What is no denial. */
  deleteUsesBefore(time: Date): Promise<number> {
    return this.#delete([ENTRY_USES_TABLE], '<', new DuckDBTimestampTZValue(BigInt(time.getTime()) * 1000n));
  }

  /** Of both tables together, so that a flood from outside is what goes first, not the log of workloads. */
  async deleteOldest(share: number): Promise<number> {
    const times = LOG_TABLES.map(({ name }) => `SELECT event_time FROM access.${name}`).join(' UNION ALL ');
    const last = await this.#write(async (connection) => {
      const result = await connection.run(`SELECT quantile_disc(event_time, $1) FROM (${times})`, [share]);
      return (await result.getRows())[0]?.[0];
    });
    return last instanceof DuckDBTimestampTZValue ? this.#delete(LOG_TABLES, '<=', last) : 0;
  }

  #delete(
    tables: readonly SchemaTable[],
    comparison: '<' | '<=',
    time: DuckDBTimestampTZValue,
  ): Promise<number> {
    return this.#write(async (connection) => {
      let rows = 0;
      for (const { name } of tables) {
        const statement = `DELETE FROM access.${name} WHERE event_time ${comparison} $1`;
        rows += (await connection.run(statement, [time])).rowsChanged;
      }
      return rows;
    }).finally(() => this.#workspaces.forget());
  }

  /** Of all tables, oldest days first. */
  countDays(): Promise<readonly DayCount[]> {
    return this.withReader(countDays);
  }

  /** Those that are still as they were counted. */
  deleteDays(days: readonly DayCount[]): Promise<number> {
    return this.#write((connection) => deleteDays(connection, days)).finally(() => this.#workspaces.forget());
  }

  /**
   * The positions of gateways that are not present, and have sent nothing for a day, but for the last of each; that too, once
   * its rows are past retention. Whose pod is gone can send no more.
   */
  async forgetGateways(present: readonly string[], retentionMs: number, nowMs = Date.now()): Promise<void> {
    await this.#write((connection) => forgetGateways(connection, { present, retentionMs, nowMs }));
  }

  usedBytes(): Promise<number> {
    return this.#write(async (connection) => {
      const result = await connection.run('SELECT used_blocks * block_size FROM pragma_database_size()');
      return Number((await result.getRows())[0]?.[0] ?? 0);
    });
  }

  /** Namespaces of which there are rows, each once. */
  async workspaces(): Promise<readonly string[]> {
    const ofLogs = await this.#workspaces.all();
    // A small table, whose rows replace each other.
    return [...new Set([...ofLogs, ...(await this.#readWorkspaces([ENTRY_USES_TABLE]))])];
  }

  #readWorkspaces(tables: readonly SchemaTable[]): Promise<readonly string[]> {
    const all = tables.map(({ name }) => `SELECT workspace FROM access.${name}`).join(' UNION ALL ');
    return this.withReader(async (connection) => {
      const result = await connection.run(
        `SELECT DISTINCT workspace FROM (${all}) WHERE workspace IS NOT NULL`,
      );
      return (await result.getRows()).map(([workspace]) => String(workspace));
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

  async #append<Row extends LogRow>(table: LogTable<Row>, batch: RowBatch<Row>): Promise<AppendOutcome> {
    const outcome = await this.#write((connection) => appendBatch(connection, table, batch));
    if (outcome.duplicates === 0) this.#workspaces.add(batch.denials);
    // Which of them are new is not known here.
    else if (outcome.stored > 0) this.#workspaces.forget();
    return outcome;
  }

  /** Read by the writer, so that no query can delay it. */
  #progress(gateway: string): Promise<SinkProgress> {
    return this.#write(async (connection) => {
      const result = await connection.run(
        'SELECT log_file, upto, sequence, denials FROM sallyport.log_positions WHERE gateway = $1',
        [gateway],
      );
      const rows = await result.getRows();
      const most = (column: number): number => Math.max(0, ...rows.map((row) => Number(row[column])));
      return {
        positions: new Map(rows.map(([logFile, upTo]) => [String(logFile), Number(upTo)])),
        lastSequence: most(2),
        denials: most(3),
      };
    });
  }

  async #write<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    this.#checkOpen();
    return await this.#writer.transact(work);
  }

  #checkOpen(): void {
    if (this.closing) throw new Error(`Cannot use denial log "${this.path}": it is closed`);
  }
}
