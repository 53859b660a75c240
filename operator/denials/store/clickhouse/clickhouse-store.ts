// The denial log in ClickHouse: the same two logs as in DuckDB, for any number of collectors. SQL of people runs over a
// copy of their rows in DuckDB: the same SQL, and the same walls around it, whatever stores the rows.
import { tmpdir } from 'node:os';
import type { Denial } from '../../../model/denial.ts';
import type { EntryUseReport } from '../../../model/entry-use-row.ts';
import type { InboundDenial } from '../../../model/inbound-denial.ts';
import { insertRows } from '../duckdb/append-batch.ts';
import {
  copyVisible,
  type FillTable,
  type VisibleCopy,
  type VisibleOptions,
} from '../duckdb/visible-copy.ts';
import type { EntryUseStore } from '../entry-use-store.ts';
import { INBOUND_TABLE, LOG_TABLES, OUTBOUND_TABLE, QUERIED_TABLES } from '../log-tables.ts';
import type { QueriedLog } from '../queried-log.ts';
import type { RowSink } from '../row-sink.ts';
import { ClickhouseConnection, type ClickhousePlace } from './clickhouse-connection.ts';
import { ClickhouseJournal } from './clickhouse-journal.ts';
import { deleteFormerBatches } from './clickhouse-retention.ts';
import { clickhouseTime, valueOfClickhouse } from './column-types.ts';
import { insertUses } from './entry-use-table.ts';
import { journalOf } from './journal-schema.ts';
import { prepareTables } from './prepare-tables.ts';

export interface ClickhouseOptions extends ClickhousePlace {
  readonly retentionMs: number;
}

const QUERY_SECONDS = 30;

export class ClickhouseStore implements QueriedLog, EntryUseStore {
  readonly outbound: RowSink<Denial>;
  readonly inbound: RowSink<InboundDenial>;
  readonly whole = undefined;
  readonly #connection: ClickhouseConnection;

  readonly #fill: FillTable = async (target, table, { workspaces, since, mostRows }) => {
    const names = table.columns.map(({ name }) => name).join(', ');
    const conditions = [
      workspaces === 'all' ? 'true' : 'has({workspaces: Array(String)}, workspace)',
      ...(since === undefined ? [] : ["event_time >= {since: DateTime64(6, 'UTC')}"]),
    ];
    const batches = await this.#connection.stream({
      query: `SELECT ${names} FROM ${table.name} WHERE ${conditions.join(' AND ')}
        LIMIT ${mostRows + 1}`,
      query_params: {
        ...(workspaces === 'all' ? {} : { workspaces }),
        ...(since === undefined ? {} : { since: clickhouseTime(since) }),
      },
      clickhouse_settings: {
        ...{ output_format_json_quote_64bit_integers: 0, output_format_json_named_tuples_as_objects: 1 },
        max_execution_time: QUERY_SECONDS,
      },
    });
    const columns = table.columns.map(({ name, type }, at) => ({
      ...{ name, type, meaning: '' },
      value: (row: readonly unknown[]) => valueOfClickhouse(type, row[at]),
    }));
    let rows = 0;
    for await (const lines of batches) {
      rows += lines.length;
      const values = lines.map((line) => line.json<readonly unknown[]>());
      await insertRows(target, { name: table.name, columns }, values);
    }
    return rows;
  };

  private constructor(connection: ClickhouseConnection) {
    this.#connection = connection;
    this.outbound = new ClickhouseJournal(connection, OUTBOUND_TABLE);
    this.inbound = new ClickhouseJournal(connection, INBOUND_TABLE);
  }

  /** Makes the tables, or brings them up to date. Throws an Error that names the server and what to do. */
  static async open({ retentionMs, ...place }: ClickhouseOptions): Promise<ClickhouseStore> {
    const connection = new ClickhouseConnection(place);
    try {
      await prepareTables(connection, Math.ceil(retentionMs / 1000));
      return new ClickhouseStore(connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async workspaces(): Promise<readonly string[]> {
    const tables = QUERIED_TABLES.map(({ name }) => `SELECT DISTINCT workspace FROM ${name}`).join(
      ' UNION ALL ',
    );
    const lines = await this.#connection.select<{ readonly workspace: string }>({
      query: `SELECT DISTINCT workspace FROM (${tables}) WHERE workspace IS NOT NULL`,
    });
    return lines.map(({ workspace }) => workspace);
  }

  /** Any number of times, and from several processes. */
  async deleteFormerBatches(nowMs: number): Promise<void> {
    for (const table of LOG_TABLES) await deleteFormerBatches(this.#connection, journalOf(table), nowMs);
  }

  recordUses(gateway: string, report: EntryUseReport): Promise<void> {
    return insertUses(this.#connection, gateway, report);
  }

  copyVisible(options: VisibleOptions): Promise<VisibleCopy> {
    return copyVisible(this.#fill, tmpdir(), options);
  }

  /** Requests under way fail. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}
