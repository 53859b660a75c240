// Rows that are to count more -> what a store looks for: each row once, and the time within which it is.
import { epochMicros } from './event-time.ts';
import type { RaisedRow } from './row-sink.ts';

export interface TimeRange {
  readonly firstMicros: bigint;
  readonly lastMicros: bigint;
}

/** A row whose time was not believed has that of its arrival: a raise of it comes within a day. */
const EARLIER_MICROS = 25n * 3_600_000_000n;

export function sumOfRaises(raised: readonly RaisedRow[]): readonly RaisedRow[] {
  const sums = new Map<string, RaisedRow>();
  for (const row of raised) sums.set(row.eventId, { ...row, by: row.by + (sums.get(row.eventId)?.by ?? 0) });
  return [...sums.values()];
}

/** Where to look first, which is fast, and where then. */
export function rangesOf(raised: readonly RaisedRow[]): readonly TimeRange[] {
  const times = raised.map(({ eventTime }) => epochMicros(eventTime));
  const first = times[0] ?? 0n;
  const firstMicros = times.reduce((a, b) => (b < a ? b : a), first);
  const lastMicros = times.reduce((a, b) => (b > a ? b : a), first);
  return [
    { firstMicros, lastMicros },
    { firstMicros: firstMicros - EARLIER_MICROS, lastMicros },
  ];
}
