// Rows of a log in DuckDB that one caller may read -> a copy for one query: those that it may need, and no others.
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { SchemaTable } from '../log-tables.ts';
import { sqlTypeOf } from './column-values.ts';
import type { DenialStore } from './denial-store.ts';
import { passChunks } from './free-chunks.ts';
import { type NeededRows, neededRows } from './needed-rows.ts';
import type { FillTable, VisibleFilter } from './visible-copy.ts';

export function fillFrom(store: DenialStore): FillTable {
  return (target, table, filter) =>
    store.withReader(async (connection) => {
      const needed = filter.sql === undefined ? undefined : await neededRows(connection, table, filter.sql);
      if (needed === undefined && filter.sql !== undefined) return 0;
      const appender = await target.createAppender(table.name, 'access');
      try {
        return await passRows(connection, table, { filter, needed, appender });
      } finally {
        appender.closeSync();
      }
    });
}

interface Passing {
  readonly filter: VisibleFilter;
  /** Undefined: everything. */
  readonly needed: NeededRows | undefined;
  readonly appender: DuckDBAppender;
}

/** Into the appender, with null in columns that nobody needs. */
async function passRows(
  connection: DuckDBConnection,
  { name, columns }: SchemaTable,
  { filter: { workspaces, since, mostRows }, needed, appender }: Passing,
): Promise<number> {
  const conditions = ['true'];
  const values: Record<string, DuckDBValue> = {};
  if (workspaces !== 'all') {
    workspaces.forEach((workspace, at) => (values[`w${at}`] = workspace));
    const list = ['NULL', ...workspaces.map((_, at) => `$w${at}`)].join(', ');
    conditions.push(`workspace IN (${list})`);
  }
  if (since !== undefined) {
    values['since'] = since;
    conditions.push('event_time >= $since::TIMESTAMPTZ');
  }
  const from = () => `FROM access.${name} WHERE ${conditions.join(' AND ')}`;
  const first = await firstNeeded(connection, needed, { from, values });
  if (first !== undefined) {
    values['first'] = first;
    conditions.push('event_time >= $first');
  }
  const list = columns.map(({ name: column, type }) =>
    (needed?.columns?.has(column) ?? true) ? column : `NULL::${sqlTypeOf(type)}`,
  );
  const result = await connection.stream(`SELECT ${list.join(', ')} ${from()} LIMIT ${mostRows + 1}`, values);
  let rows = 0;
  await passChunks(result, (chunk) => {
    rows += chunk.rowCount;
    appender.appendDataChunk(chunk);
  });
  return rows;
}

/** The time of the first row that is needed; undefined where that may be any. */
async function firstNeeded(
  connection: DuckDBConnection,
  needed: NeededRows | undefined,
  { from, values }: { readonly from: () => string; readonly values: Readonly<Record<string, DuckDBValue>> },
): Promise<DuckDBTimestampTZValue | undefined> {
  const since = await oneTime(connection, needed?.sinceSql && `SELECT ${needed.sinceSql}`, {});
  if (needed?.newest === undefined) return since;
  const { conditionSql, count } = needed.newest;
  const newest = `SELECT event_time ${from()} AND ${conditionSql} ORDER BY event_time DESC LIMIT ${count}`;
  return (await oneTime(connection, `SELECT min(event_time) FROM (${newest})`, values)) ?? since;
}

async function oneTime(
  connection: DuckDBConnection,
  sql: string | undefined,
  values: Readonly<Record<string, DuckDBValue>>,
): Promise<DuckDBTimestampTZValue | undefined> {
  if (sql === undefined) return undefined;
  const value = (await (await connection.run(sql, { ...values })).getRows())[0]?.[0];
  return value instanceof DuckDBTimestampTZValue ? value : undefined;
}
