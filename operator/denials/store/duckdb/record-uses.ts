// A report of a gateway -> DuckDB, within a transaction of the caller.
import { type DuckDBConnection, listValue } from '@duckdb/node-api';
import { type EntryUseReport, rowsOfReport } from '../../../model/entry-use-row.ts';
import { epochMicros } from '../event-time.ts';
import { ENTRY_USES_TABLE } from '../log-tables.ts';
import { insertRows } from './append-batch.ts';

export async function recordUses(
  connection: DuckDBConnection,
  gateway: string,
  report: EntryUseReport,
): Promise<void> {
  const table = `access.${ENTRY_USES_TABLE.name}`;
  const policies = report.policies.map(({ policy }) => policy);
  if (policies.length === 0) return;
  const rows = rowsOfReport(gateway, report, Date.now());
  const own = 'gateway = $1 AND list_contains($2, policy)';
  const values = [gateway, listValue(policies)];
  const found = await connection.run(`SELECT epoch_us(max(event_time)) FROM ${table} WHERE ${own}`, values);
  const last = (await found.getRows())[0]?.[0];
  const isOvertaken = typeof last === 'bigint' && rows.some(({ eventTime }) => epochMicros(eventTime) < last);
  if (isOvertaken) return;
  await connection.run(`DELETE FROM ${table} WHERE ${own}`, values);
  await insertRows(connection, ENTRY_USES_TABLE, rows);
}
