// Rows of one UTC day of one table, as a count that differs where rows were added, changed or deleted.
export interface DayCount {
  /** Of the log, such as "outbound_network". */
  readonly table: string;
  /** Since 1970-01-01. */
  readonly day: number;
  readonly rows: number;
  /** The same as long as the rows are. */
  readonly fingerprint: string;
}

export type Day = Pick<DayCount, 'table' | 'day'>;

export const DAY_MS = 86_400_000;

/** "2026-11-29" */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().split('T')[0] ?? '';
}
