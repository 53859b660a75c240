// The denial log in ClickHouse: the same two logs as in DuckDB, for any number of collectors. SQL of people runs over a
// copy of their rows in DuckDB: the same SQL, and the same walls around it, whatever stores the rows.
import { tmpdir } from 'node:os';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
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
import { ClickhouseJournal, type ClickhousePlace } from './clickhouse-journal.ts';
import { clickhouseTime, valueOfClickhouse } from './column-types.ts';
import { entryUseStatements, insertUses } from './entry-use-table.ts';
import { schemaStatements } from './journal-schema.ts';

export interface ClickhouseOptions {
  /** Its path is the database. */
  readonly url: URL;
  readonly auth: ClickhousePlace['auth'];
  /** PEM; undefined: those of Node.js. */
  readonly authority: Buffer | undefined;
  readonly retentionMs: number;
}

const TIMEOUT_MS = 20_000;
const QUERY_SECONDS = 30;

export class ClickhouseStore implements QueriedLog, EntryUseStore {
  readonly outbound: RowSink<Denial>;
  readonly inbound: RowSink<InboundDenial>;
  readonly whole = undefined;
  readonly #place: ClickhousePlace;

  readonly #fill: FillTable = async (target, table, { workspaces, since, mostRows }) => {
    const { client, auth } = this.#place;
    const names = table.columns.map(({ name }) => name).join(', ');
    const conditions = [
      workspaces === 'all' ? 'true' : 'has({workspaces: Array(String)}, workspace)',
      ...(since === undefined ? [] : ["event_time >= {since: DateTime64(6, 'UTC')}"]),
    ];
    const result = await client.query({
      query: `SELECT ${names} FROM ${table.name} WHERE ${conditions.join(' AND ')}
        ORDER BY event_time DESC LIMIT ${mostRows + 1}`,
      query_params: {
        ...(workspaces === 'all' ? {} : { workspaces }),
        ...(since === undefined ? {} : { since: clickhouseTime(since) }),
      },
      ...{ format: 'JSONCompactEachRow', auth: await auth() },
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
    for await (const lines of result.stream<readonly unknown[]>()) {
      rows += lines.length;
      const values = lines.map((line) => line.json<readonly unknown[]>());
      await insertRows(target, { name: table.name, columns }, values);
    }
    return rows;
  };

  private constructor(place: ClickhousePlace) {
    this.#place = place;
    this.outbound = new ClickhouseJournal(place, OUTBOUND_TABLE);
    this.inbound = new ClickhouseJournal(place, INBOUND_TABLE);
  }

  /** Makes the tables, or brings them up to date. Throws an Error that names the server and what to do. */
  static async open({ url, auth, authority, retentionMs }: ClickhouseOptions): Promise<ClickhouseStore> {
    const client = createClient({
      ...{
        url: url.origin,
        database: databaseOf(url),
        request_timeout: TIMEOUT_MS,
        application: 'sallyport',
      },
      // What fails is thrown, and logged by whoever asked.
      log: { level: ClickHouseLogLevel.OFF },
      ...(authority === undefined ? {} : { tls: { ca_cert: authority } }),
    });
    try {
      await prepare(client, auth, Math.ceil(retentionMs / 1000));
      return new ClickhouseStore({ client, auth });
    } catch (cause) {
      await client.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `Cannot use ClickHouse "${url.origin}", database "${databaseOf(url)}": ${reason}; check --clickhouse-url, the credentials, and that the user may make tables and views there`,
        { cause },
      );
    }
  }

  async workspaces(): Promise<readonly string[]> {
    const { client, auth } = this.#place;
    const tables = QUERIED_TABLES.map(({ name }) => `SELECT DISTINCT workspace FROM ${name}`).join(
      ' UNION ALL ',
    );
    const result = await client.query({
      query: `SELECT DISTINCT workspace FROM (${tables}) WHERE workspace IS NOT NULL`,
      ...{ format: 'JSONCompactEachRow', auth: await auth() },
    });
    return (await result.json<readonly [string]>()).map(([workspace]) => workspace);
  }

  recordUses(gateway: string, report: EntryUseReport): Promise<void> {
    return insertUses(this.#place, gateway, report);
  }

  copyVisible(options: VisibleOptions): Promise<VisibleCopy> {
    return copyVisible(this.#fill, tmpdir(), options);
  }

  /** Requests under way fail. */
  close(): Promise<void> {
    return this.#place.client.close();
  }
}

function databaseOf({ pathname }: URL): string {
  return pathname === '/' ? 'access' : pathname.slice(1);
}

async function prepare(client: ClickHouseClient, auth: ClickhousePlace['auth'], retentionSeconds: number) {
  for (const table of LOG_TABLES)
    for (const query of schemaStatements(table, retentionSeconds))
      await client.command({ query, auth: await auth() });
  for (const query of entryUseStatements(retentionSeconds))
    await client.command({ query, auth: await auth() });
}
