// Types and values of the denial log's columns -> those of DuckDB.
import { DuckDBStructValue, DuckDBTimestampTZValue, type DuckDBValue, listValue } from '@duckdb/node-api';
import type { ColumnType } from '../../../model/log-column.ts';
import { epochMicros } from '../event-time.ts';

const SQL_TYPES = {
  text: 'VARCHAR',
  texts: 'VARCHAR[]',
  integer: 'INTEGER',
  count: 'BIGINT',
  time: 'TIMESTAMP WITH TIME ZONE',
} as const;

export function sqlTypeOf(type: ColumnType): string {
  if (typeof type === 'string') return SQL_TYPES[type];
  return `STRUCT(${Object.entries(type)
    .map(([name, field]) => `${name} ${SQL_TYPES[field]}`)
    .join(', ')})`;
}

/** Throws for a time that is none. */
export function duckdbValue(type: ColumnType, value: unknown): DuckDBValue {
  if (value === null) return null;
  if (typeof type !== 'string') return new DuckDBStructValue(value as Readonly<Record<string, DuckDBValue>>);
  if (type === 'time') return new DuckDBTimestampTZValue(epochMicros(String(value)));
  if (type === 'texts') return listValue(value as readonly string[]);
  return type === 'count' ? BigInt(value as number) : (value as string | number);
}
