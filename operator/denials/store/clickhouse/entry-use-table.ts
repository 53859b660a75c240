// What gateways have counted, in ClickHouse: of each entry and gateway the newest report stays, whoever writes it and however
// often, and a view without the others is named and shaped as the table in DuckDB.
import { type EntryUseReport, type EntryUseRow, rowsOfReport } from '../../../model/entry-use-row.ts';
import type { ColumnOf } from '../../../model/log-column.ts';
import { ENTRY_USES_TABLE } from '../log-tables.ts';
import type { ClickhouseConnection } from './clickhouse-connection.ts';
import { clickhouseTypeOf, clickhouseValue } from './column-types.ts';

export const REPORTS = `${ENTRY_USES_TABLE.name}_reports`;
const KEY = ['gateway', 'policy', 'list', 'entry'] satisfies ColumnOf<keyof EntryUseRow>[];
const NULLABLE_TIMES: readonly string[] = ['first_used', 'last_used', 'missed_until'] satisfies ColumnOf<
  keyof EntryUseRow
>[];

export function entryUseStatements(retentionSeconds: number): readonly string[] {
  const { name: view, columns } = ENTRY_USES_TABLE;
  const ttl = `toDateTime(event_time) + INTERVAL ${retentionSeconds} SECOND DELETE`;
  return [
    `CREATE TABLE IF NOT EXISTS ${REPORTS} (
      ${columns.map(({ name, type }) => `${name} ${typeOf(name, clickhouseTypeOf(type))}`).join(',\n      ')})
    ENGINE = ReplacingMergeTree(event_time) ORDER BY (${KEY.join(', ')}) TTL ${ttl}`,
    `ALTER TABLE ${REPORTS} MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`,
    `CREATE OR REPLACE VIEW ${view} AS SELECT ${columns.map(({ name }) => name).join(', ')} FROM ${REPORTS} FINAL`,
  ];
}

/** A key takes no nulls. */
function typeOf(column: string, type: string): string {
  if ((KEY as readonly string[]).includes(column)) return 'String';
  return NULLABLE_TIMES.includes(column) ? `Nullable(${type})` : type;
}

export async function insertUses(
  connection: ClickhouseConnection,
  gateway: string,
  report: EntryUseReport,
): Promise<void> {
  const values = rowsOfReport(gateway, report, Date.now()).map((row) =>
    Object.fromEntries(
      ENTRY_USES_TABLE.columns.map(({ name, type, value }) => [name, clickhouseValue(type, value(row))]),
    ),
  );
  if (values.length === 0) return;
  await connection.insert({ table: REPORTS, values });
}
