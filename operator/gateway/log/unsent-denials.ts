// How many denials a gateway has recorded that are not acknowledged yet: in the spools, and lost without a row. Files that
// nobody writes any more are read once. In doubt a denial is not counted: what is sent meanwhile may be missing.
import type { FileHandle } from 'node:fs/promises';
import { readLines } from './log-batch.ts';
import type { LogFiles } from './log-files.ts';
import type { LogGaps, LogPlace } from './log-gaps.ts';
import type { UnreadFile } from './unread-files.ts';

/** Of a gateway, since it has its disk. */
export interface RecordedDenials {
  /** All that ever were, acknowledged or not. */
  readonly recorded: number;
  readonly unsent: number;
}

interface CountedLog {
  readonly livePlace: LogPlace;
  readonly nameOf: LogFiles['nameOf'];
  readonly openUnread: (known: {
    readonly has: (sequence: number) => boolean;
  }) => Promise<readonly UnreadFile[]>;
}

export class UnsentDenials {
  readonly #logs: readonly CountedLog[];
  readonly #gaps: LogGaps;
  readonly #whole = new Map<CountedLog, Map<number, number>>();

  constructor(logs: readonly CountedLog[], gaps: LogGaps) {
    this.#logs = logs;
    this.#gaps = gaps;
  }

  async count(): Promise<RecordedDenials> {
    const { acknowledged, waiting, upTo } = this.#gaps.totals();
    let unsent = waiting;
    for (const log of this.#logs) unsent += await this.#countLog(log, upTo);
    return { recorded: acknowledged + unsent, unsent };
  }

  async #countLog(log: CountedLog, upTo: (logFile: string) => number): Promise<number> {
    const former = this.#whole.get(log) ?? new Map<number, number>();
    const whole = new Map<number, number>();
    let sum = 0;
    for (const { sequence, isWhole, from, handle } of await log.openUnread(former)) {
      const logFile = log.nameOf(sequence);
      const isGivenUp = this.#gaps.isGivenUp({ ...log.livePlace, sequence });
      const count = async (file: FileHandle): Promise<number> =>
        isGivenUp ? 0 : await this.#gaps.denialsIn(readLines(file, logFile, Math.max(from, upTo(logFile))));
      const denials =
        handle === undefined
          ? (former.get(sequence) ?? 0)
          : await count(handle).finally(() => handle.close());
      if (isWhole) whole.set(sequence, denials);
      sum += isGivenUp ? 0 : denials;
    }
    this.#whole.set(log, whole);
    return sum;
  }
}
