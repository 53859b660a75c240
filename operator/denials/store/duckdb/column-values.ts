// Types and values of the denial log's columns -> those of DuckDB.
import { DuckDBStructValue, DuckDBTimestampTZValue, type DuckDBValue, listValue } from '@duckdb/node-api';
import type { ColumnType } from '../../../model/log-column.ts';

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

const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?Z$/;

/** Microseconds since 1970. Date.parse stops at milliseconds, so the fraction is read apart. */
export function epochMicros(text: string): bigint {
  const match = UTC_TIME.exec(text);
  const wholeMs = match ? Date.parse(`${text.slice(0, 19)}Z`) : Number.NaN;
  if (Number.isNaN(wholeMs))
    throw new RangeError(`Cannot store a denial with event time "${text}": it is not UTC in ISO 8601`);
  return BigInt(wholeMs) * 1000n + BigInt((match?.[1] ?? '').padEnd(6, '0').slice(0, 6));
}
