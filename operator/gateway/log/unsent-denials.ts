// How many denials a gateway has recorded that are not acknowledged yet: in the spools, and lost without a row. While
// nothing is acknowledged each line is read once, however often somebody asks. In doubt a denial is not counted: what is
// sent meanwhile may be missing.
import type { FileHandle } from 'node:fs/promises';
import { type LogBatch, readLines } from './log-batch.ts';
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

/** The lines of a file from one byte to another. */
interface CountedLines {
  readonly from: number;
  readonly upTo: number;
  readonly denials: number;
  readonly isWhole: boolean;
}

export class UnsentDenials {
  readonly #logs: readonly CountedLog[];
  readonly #gaps: LogGaps;
  /** By the number of a file. */
  readonly #counted = new Map<CountedLog, ReadonlyMap<number, CountedLines>>();

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
    const former = this.#counted.get(log) ?? new Map<number, CountedLines>();
    const counted = new Map<number, CountedLines>();
    const isKnown = (sequence: number): boolean => former.get(sequence)?.isWhole === true;
    for (const { sequence, isWhole, from, handle } of await log.openUnread({ has: isKnown })) {
      const known = former.get(sequence);
      if (handle === undefined) {
        if (known !== undefined) counted.set(sequence, known);
        continue;
      }
      const logFile = log.nameOf(sequence);
      const start = Math.max(from, upTo(logFile));
      const lines = await this.#countFile(handle, logFile, start, known).finally(() => handle.close());
      counted.set(sequence, { ...lines, isWhole });
    }
    this.#counted.set(log, counted);
    return [...counted].reduce(
      (sum, [sequence, { denials }]) =>
        this.#gaps.isGivenUp({ ...log.livePlace, sequence }) ? sum : sum + denials,
      0,
    );
  }

  async #countFile(
    file: FileHandle,
    logFile: string,
    from: number,
    known: CountedLines | undefined,
  ): Promise<Omit<CountedLines, 'isWhole'>> {
    // Somebody may have cut it short.
    const continues = known?.from === from && (await file.stat()).size >= known.upTo;
    let upTo = continues ? known.upTo : from;
    const noted = async function* (): AsyncGenerator<LogBatch> {
      for await (const batch of readLines(file, logFile, upTo)) {
        yield batch;
        upTo = batch.upTo;
      }
    };
    const denials = await this.#gaps.denialsIn(noted());
    return { from, upTo, denials: (continues ? known.denials : 0) + denials };
  }
}
