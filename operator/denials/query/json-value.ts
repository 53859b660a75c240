// DuckDB values go in, JSON values come out: times as ISO 8601 in UTC with all their digits, structs as objects,
// integers as numbers where a number holds them exactly and as strings where it does not.
import {
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';

/** The furthest time that a Date holds, in microseconds. */
const DATE_LIMIT_MICROS = 8_640_000_000_000_000_000n;

export const toJsonValue: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (typeof value === 'bigint') return exactNumber(value);
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) {
    const outside = value.micros > DATE_LIMIT_MICROS || value.micros < -DATE_LIMIT_MICROS;
    return outside ? value.toString() : isoTime(value.micros);
  }
  return JsonDuckDBValueConverter(value, type, converter);
};

function exactNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function isoTime(micros: bigint): string {
  const belowMs = ((micros % 1000n) + 1000n) % 1000n;
  const text = new Date(Number((micros - belowMs) / 1000n)).toISOString();
  return belowMs === 0n ? text : text.replace('Z', `${String(belowMs).padStart(3, '0')}Z`);
}
