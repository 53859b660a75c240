// The statements that make the tables of the denial log in ClickHouse, or bring them up to date. Each log is one table, its
// journal, and a view that is named and shaped as the table of the log in DuckDB.
//
// A journal holds rows, what was counted in them later, and where the gateway stood: what belongs together is one INSERT
// into one table without partitions, since ClickHouse stores that whole or not at all, and nothing else so.
import type { SchemaTable } from '../log-tables.ts';
import { clickhouseTypeOf } from './column-types.ts';

/** What a line of a journal is. */
export type JournalKind = 'batch' | 'row' | 'raise';

/** So many blocks back ClickHouse knows what it has stored, which decides between two writers. */
const REMEMBERED_BLOCKS = 10_000;

export function journalOf({ name }: Pick<SchemaTable, 'name'>): string {
  return `${name}_journal`;
}

/** For one table; in this order. Any number of times, and from several processes. */
export function schemaStatements(table: SchemaTable, retentionSeconds: number): readonly string[] {
  const journal = journalOf(table);
  const columns = table.columns.map(({ name, type }) => `${name} ${clickhouseTypeOf(type)}`);
  const ttl = `toDateTime(event_time) + INTERVAL ${retentionSeconds} SECOND DELETE WHERE kind != 'batch'`;
  return [
    `CREATE TABLE IF NOT EXISTS ${journal} (
      kind Enum8('batch' = 1, 'row' = 2, 'raise' = 3),
      gateway String,
      batch_number UInt64,
      batch String,
      log_file String,
      up_to UInt64,
      last_sequence UInt64,
      raised_by UInt64,
      all_denials UInt64,
      ${columns.join(',\n      ')},
      INDEX by_event_time event_time TYPE minmax GRANULARITY 1)
    ENGINE = MergeTree ORDER BY (kind, gateway, batch_number) TTL ${ttl}
    SETTINGS non_replicated_deduplication_window = ${REMEMBERED_BLOCKS}`,
    // With a batch, what its gateway had in all; 0 in those of the version before, from which the count goes on.
    ...['all_denials UInt64', ...columns].map(
      (column) => `ALTER TABLE ${journal} ADD COLUMN IF NOT EXISTS ${column}`,
    ),
    `ALTER TABLE ${journal} MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`,
    viewOf(table),
  ];
}

/** What was counted later is added to the rows; without any, the join costs next to nothing. */
function viewOf(table: SchemaTable): string {
  const journal = journalOf(table);
  const columns = table.columns.map(({ name }) =>
    name === 'repeats' ? 'entry.repeats + raised.further AS repeats' : `entry.${name} AS ${name}`,
  );
  return `CREATE OR REPLACE VIEW ${table.name} AS
    SELECT ${columns.join(', ')}
    FROM (SELECT * FROM ${journal} WHERE kind = 'row') AS entry
    LEFT JOIN (
      SELECT event_id, sum(raised_by) AS further FROM ${journal} WHERE kind = 'raise' GROUP BY event_id
    ) AS raised ON entry.event_id = raised.event_id`;
}
