// A database of ClickHouse -> one with our tables and views, as they are now. Must never touch what is somebody else's: a
// view would replace a table of its name, with all that is in it.
import { ENTRY_USES_TABLE, LOG_TABLES } from '../log-tables.ts';
import type { ClickhouseConnection } from './clickhouse-connection.ts';
import { entryUseStatements, REPORTS } from './entry-use-table.ts';
import { journalOf, schemaStatements } from './journal-schema.ts';

interface OwnTable {
  readonly view: string;
  /** What it shows. */
  readonly table: string;
  /** A column that only ours has. */
  readonly column: string;
}

const OWN_TABLES: readonly OwnTable[] = [
  ...LOG_TABLES.map((log) => ({ view: log.name, table: journalOf(log), column: 'batch_number' })),
  { view: ENTRY_USES_TABLE.name, table: REPORTS, column: 'missed_until' },
];

export async function prepareTables(
  connection: ClickhouseConnection,
  retentionSeconds: number,
): Promise<void> {
  for (const own of OWN_TABLES) await checkOwn(connection, own);
  const ofLogs = LOG_TABLES.flatMap((table) => schemaStatements(table, retentionSeconds));
  for (const statement of [...ofLogs, ...entryUseStatements(retentionSeconds)])
    await connection.command(statement);
}

async function checkOwn(connection: ClickhouseConnection, { view, table, column }: OwnTable): Promise<void> {
  const found = await connection.select<{ readonly name: string; readonly made: string }>({
    query: `SELECT name, create_table_query AS made FROM system.tables
      WHERE database = {database: String} AND name IN ({view: String}, {table: String})`,
    query_params: { database: connection.database, view, table },
  });
  const foreign = found.find(({ name, made }) =>
    name === table ? !made.includes(column) : !made.startsWith('CREATE VIEW') || !made.includes(table),
  );
  if (foreign === undefined) return;
  throw new Error(
    `Cannot use database "${connection.database}" of ClickHouse: its table or view "${foreign.name}" was made by somebody else; name a database of its own in --clickhouse-url, or rename that`,
  );
}
