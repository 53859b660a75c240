// Days of the denial log: how many rows each has, those rows themselves, and their deletion. Times are UTC.
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBTimestampTZValue } from '@duckdb/node-api';
import { DAY_MS, type Day, type DayCount } from '../day-count.ts';
import { LOG_TABLES } from '../log-tables.ts';
import { passChunks } from './free-chunks.ts';

const DAY_US = BigInt(DAY_MS) * 1000n;
/** Whole numbers: the calendar of time zones takes a hundred times as long. */
const DAY = `(epoch_us(event_time) - (epoch_us(event_time) % ${DAY_US} + ${DAY_US}) % ${DAY_US}) // ${DAY_US}`;
/** Repeats only grow, and a row that is added has a number. */
const COUNTS = `count(*), concat_ws(' ', count(*), sum(repeats), sum(sequence))`;
const OF_DAY = 'event_time >= $1 AND event_time < $2';

/** Of all tables, oldest days first. */
export async function countDays(connection: DuckDBConnection): Promise<readonly DayCount[]> {
  const counts: DayCount[] = [];
  for (const { name: table } of LOG_TABLES) {
    const result = await connection.run(`SELECT ${DAY} AS day, ${COUNTS} FROM access.${table} GROUP BY day`);
    for (const [day, rows, fingerprint] of await result.getRows())
      counts.push({ table, day: Number(day), rows: Number(rows), fingerprint: String(fingerprint) });
  }
  return counts.sort((a, b) => a.day - b.day);
}

/** Within a transaction, so that both are of the same moment. */
export async function readDay(
  connection: DuckDBConnection,
  { table, day }: Day,
  take: (chunk: DuckDBDataChunk) => void,
): Promise<DayCount> {
  const counted = await countDay(connection, { table, day });
  await passChunks(
    await connection.stream(`SELECT * FROM access.${tableNamed(table)} WHERE ${OF_DAY}`, bounds(day)),
    take,
  );
  return counted;
}

/** Days that are as they were counted; others stay. Resolves to the number of rows. */
export async function deleteDays(connection: DuckDBConnection, days: readonly DayCount[]): Promise<number> {
  let rows = 0;
  for (const counted of days) {
    const { fingerprint } = await countDay(connection, counted);
    if (fingerprint !== counted.fingerprint) continue;
    const statement = `DELETE FROM access.${tableNamed(counted.table)} WHERE ${OF_DAY}`;
    rows += (await connection.run(statement, bounds(counted.day))).rowsChanged;
  }
  return rows;
}

async function countDay(connection: DuckDBConnection, { table, day }: Day): Promise<DayCount> {
  const result = await connection.run(
    `SELECT ${COUNTS} FROM access.${tableNamed(table)} WHERE ${OF_DAY}`,
    bounds(day),
  );
  const [rows, fingerprint] = (await result.getRows())[0] ?? [];
  return { table, day, rows: Number(rows), fingerprint: String(fingerprint) };
}

function bounds(day: number): DuckDBTimestampTZValue[] {
  return [day, day + 1].map((start) => new DuckDBTimestampTZValue(BigInt(start) * DAY_US));
}

/** A name becomes part of the SQL. */
function tableNamed(table: string): string {
  const known = LOG_TABLES.find(({ name }) => name === table);
  if (known === undefined)
    throw new RangeError(`Cannot read table "${table}" of the denial log: there is none`);
  return known.name;
}
