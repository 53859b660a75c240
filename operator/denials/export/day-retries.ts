// Days that could not be exported, and when each is tried again: after ten minutes, and twice as long after each failure, up to
// an hour. Days that have not failed come before them, so that none holds up another one.
import type { Day } from '../store/day-count.ts';

interface Failed {
  readonly failures: number;
  readonly notBeforeMs: number;
}

const FIRST_PAUSE_MS = 600_000;
const LONGEST_PAUSE_MS = 3_600_000;

export class DayRetries {
  #failed = new Map<string, Failed>();

  /** Those of `due` whose turn it is, in order; forgets all that are not due any more. */
  inTurn<OneDay extends Day>(due: readonly OneDay[], nowMs: number): readonly OneDay[] {
    const known = due.map((day) => ({ day, failed: this.#failed.get(keyOf(day)) }));
    this.#failed = new Map(known.flatMap(({ day, failed }) => (failed ? [[keyOf(day), failed]] : [])));
    return known
      .filter(({ failed }) => failed === undefined || failed.notBeforeMs <= nowMs)
      .toSorted((a, b) => (a.failed?.notBeforeMs ?? 0) - (b.failed?.notBeforeMs ?? 0))
      .map(({ day }) => day);
  }

  /** How many days have failed and are not exported yet. */
  get size(): number {
    return this.#failed.size;
  }

  /** `isOfDay`: false where it was not for this day. */
  failed(day: Day, nowMs: number, isOfDay: boolean): void {
    const failures = (this.#failed.get(keyOf(day))?.failures ?? 0) + (isOfDay ? 1 : 0);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1), LONGEST_PAUSE_MS);
    this.#failed.set(keyOf(day), { failures, notBeforeMs: nowMs + pauseMs });
  }

  exported(day: Day): void {
    this.#failed.delete(keyOf(day));
  }
}

function keyOf({ table, day }: Day): string {
  return `${table} ${day}`;
}
