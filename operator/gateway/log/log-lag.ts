// How far a reader is behind the writer of a log, in time. Lines are not looked at: it remembers where the log ended at a
// moment, and once the reader is there, all lines of before that moment are read. Times are of a clock that never
// jumps.
import type { LogPosition } from './log-files.ts';

export class LogLag {
  /** All lines that were there at this moment are read. */
  #readUpToMs: number;
  #mark: { readonly end: LogPosition; readonly atMs: number } | undefined;

  /** Lines that are there at the start are as old as the start. */
  constructor(startMs: number) {
    this.#readUpToMs = startMs;
  }

  /** To be called about once a second. */
  note(position: LogPosition, end: LogPosition, nowMs: number): void {
    if (this.#mark !== undefined && isReached(position, this.#mark.end)) {
      this.#readUpToMs = this.#mark.atMs;
      this.#mark = undefined;
    }
    if (isReached(position, end)) this.#readUpToMs = nowMs;
    else this.#mark ??= { end, atMs: nowMs };
  }

  ms(position: LogPosition, end: LogPosition, nowMs: number): number {
    return isReached(position, end) ? 0 : nowMs - this.#readUpToMs;
  }
}

function isReached(position: LogPosition, end: LogPosition): boolean {
  if (position.sequence !== end.sequence) return position.sequence > end.sequence;
  return position.offset >= end.offset;
}
