// Types and values of the denial log's columns -> those of ClickHouse, and back into what a Denial says of them. A tuple
// and an array cannot be null there: one of nulls, and an empty one, stand for it.
import type { ColumnType } from '../../../model/log-column.ts';
import { epochMicros } from '../event-time.ts';

const SQL_TYPES = {
  text: 'Nullable(String)',
  texts: 'Array(String)',
  integer: 'Nullable(Int32)',
  count: 'UInt64',
  time: "DateTime64(6, 'UTC')",
} as const;

export function clickhouseTypeOf(type: ColumnType): string {
  if (typeof type === 'string') return SQL_TYPES[type];
  const fields = Object.entries(type).map(([name, field]) => `${name} ${SQL_TYPES[field]}`);
  return `Tuple(${fields.join(', ')})`;
}

/** As a field of format JSONEachRow. Throws for a time that is none. */
export function clickhouseValue(type: ColumnType, value: unknown): unknown {
  if (type === 'texts') return value ?? [];
  if (type === 'time') return value === null ? null : clickhouseTime(String(value));
  return value === null && typeof type !== 'string' ? {} : value;
}

/** "2026-01-02T03:04:05.678901Z" is "2026-01-02 03:04:05.678901". */
export function clickhouseTime(text: string): string {
  const micros = String(((epochMicros(text) % 1_000_000n) + 1_000_000n) % 1_000_000n).padStart(6, '0');
  return `${text.slice(0, 10)} ${text.slice(11, 19)}.${micros}`;
}

/** What clickhouseValue() made, as the answer in JSON has it. */
export function valueOfClickhouse(type: ColumnType, value: unknown): unknown {
  if (type === 'texts') return (value as readonly string[]).length === 0 ? null : value;
  if (value === null) return null;
  if (type === 'time') return `${String(value).replace(' ', 'T')}Z`;
  if (typeof type === 'string') return value;
  return Object.values(value as object).every((field) => field === null) ? null : value;
}
