// What a log tail asks of whoever counts the lines that are given up unread.
import type { LogBatch } from './log-batch.ts';

/** A file of a log, by its number. */
export interface LogPlace {
  /** "access" or "dns". */
  readonly log: string;
  readonly sequence: number;
}

interface UnwrittenRange {
  readonly lost: number;
  readonly firstTime: string;
  readonly lastTime: string;
}

/** At one moment. */
interface DenialTotals {
  /** By what takes them. */
  readonly acknowledged: number;
  /** Lost, and in no row yet. */
  readonly waiting: number;
  /** The end in a log file of what is acknowledged. */
  readonly upTo: (logFile: string) => number;
}

export interface LogGaps {
  /**
   * Counts what the lines record, has that on disk, and then calls `remove`. A crash in between leaves a file that
   * isGivenUp() knows.
   */
  readonly giveUp: (
    place: LogPlace,
    batches: AsyncIterable<LogBatch>,
    remove: () => Promise<void>,
  ) => Promise<void>;
  /** Whether its lines are counted already, so that nobody may read them. */
  readonly isGivenUp: (place: LogPlace) => boolean;
  /** The highest number of a file that was ever given up; 0 where none was. */
  readonly lastGivenUp: (log: string) => number;
  /** As noteReadUpTo() had it last. */
  readonly readUpTo: (log: string) => { readonly sequence: number; readonly offset: number } | undefined;
  /** All lines before this byte are consumed. Called before the tail stores that itself. */
  readonly noteReadUpTo: (place: LogPlace, offset: number) => Promise<void>;
  /** Lines of a log that were read or given up, since the start of this process. */
  readonly linesOf: (log: string) => number;
  /** Lines that were never written, in the file of this place or before; times in ISO 8601. */
  readonly noteUnwritten: (place: LogPlace, lines: UnwrittenRange) => Promise<void>;
  readonly totals: () => DenialTotals;
  /** How many denials the lines record. */
  readonly denialsIn: (batches: AsyncIterable<LogBatch>) => Promise<number>;
  /** Finds what was consumed and is gone where it was stored; rejects where nobody answers. */
  readonly checkSink: () => Promise<void>;
  /** Hands over what was lost before the lines of this file; rejects where nobody takes it. */
  readonly handOver: (place: LogPlace) => Promise<void>;
}

/** Of a log whose lines nobody counts: no file of it is given up. */
export const NO_GAPS: LogGaps = {
  giveUp: () => Promise.resolve(),
  isGivenUp: () => false,
  lastGivenUp: () => 0,
  readUpTo: () => undefined,
  noteReadUpTo: () => Promise.resolve(),
  linesOf: () => 0,
  noteUnwritten: () => Promise.resolve(),
  totals: () => ({ acknowledged: 0, waiting: 0, upTo: () => 0 }),
  denialsIn: () => Promise.resolve(0),
  checkSink: () => Promise.resolve(),
  handOver: () => Promise.resolve(),
};
