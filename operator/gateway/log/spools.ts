// The spools of log lines that become rows, each followed independently: Envoy's, and those of our own servers beside
// it.
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { LogBatch, LostLine } from './log-batch.ts';
import type { LogGaps } from './log-gaps.ts';
import { LogTail } from './log-tail.ts';
import { keepWithinBudget } from './spool-budget.ts';
import { type RecordedDenials, UnsentDenials } from './unsent-denials.ts';
import { UnwrittenLines, type WriterCounts } from './unwritten-lines.ts';

/** Of the spool of denied questions. */
export const DNS_LOG = 'dns';

interface SpooledLog {
  readonly name: string;
  /** Makes its writer continue in another file. */
  readonly reopen: () => Promise<void>;
  /** What its writer says it did since its start; undefined where it does not answer. Not every writer counts. */
  readonly writes?: () => Promise<WriterCounts | undefined>;
}

export interface SpoolsOptions {
  readonly folder: string;
  readonly logs: readonly SpooledLog[];
  readonly consume: (batch: LogBatch) => Promise<void>;
  /** Counts what is given up for the budget. */
  readonly gaps: LogGaps;
  readonly onTornLine: (line: LostLine) => void;
  readonly onFailure: (error: Error) => void;
  /** Of a file, before it is rotated; the default of the tail where undefined. */
  readonly maxBytes: number | undefined;
  /** Of all files of all logs. */
  readonly budgetBytes: number;
}

/** What is in the spools. */
export interface SpoolsState {
  readonly bytes: number;
  /** How long the oldest line that is not consumed has been there; 0 where all are. */
  readonly lagSeconds: number;
}

interface UnwrittenSince {
  readonly lines: UnwrittenLines;
  /** Of the last call. */
  readonly since: string;
}

const BUDGET_MS = 1000;
const UNWRITTEN_MS = 10_000;
const CHECK_MS = 60_000;
/** So many files fit into the budget, so that giving one up costs little of what is kept. */
const FILES = 8;
const USUAL_FILE_BYTES = 2 * 1024 * 1024;

export class Spools {
  readonly #options: SpoolsOptions;
  readonly #tails: readonly LogTail[];
  readonly #unsent: UnsentDenials;
  readonly #unwritten = new Map<LogTail, UnwrittenSince>();
  #timers: readonly NodeJS.Timeout[] = [];
  #keeping: Promise<void> | undefined;

  constructor(options: SpoolsOptions) {
    this.#options = options;
    const { logs, budgetBytes, maxBytes = USUAL_FILE_BYTES, ...rest } = options;
    const common = { ...rest, files: atomicFiles, maxBytes: Math.min(maxBytes, budgetBytes / FILES) };
    this.#tails = logs.map(({ name, reopen }) => new LogTail({ ...common, name, reopenLogs: reopen }));
    this.#unsent = new UnsentDenials(this.#tails, options.gaps);
  }

  /** Continues at the persisted positions. */
  async start(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.start()));
    this.#timers = [
      setInterval(() => this.#keepWithinBudget(), BUDGET_MS).unref(),
      setInterval(() => void this.noteUnwritten(), UNWRITTEN_MS).unref(),
      setInterval(() => void this.#checkSink(), CHECK_MS).unref(),
    ];
  }

  async state(): Promise<SpoolsState> {
    const bytes = await Promise.all(this.#tails.map((tail) => tail.bytes()));
    const lags = await Promise.all(this.#tails.map((tail) => tail.lagMs()));
    return { bytes: bytes.reduce((sum, size) => sum + size, 0), lagSeconds: Math.max(0, ...lags) / 1000 };
  }

  /** Reads what is not consumed; files that nobody writes any more only once. */
  recordedDenials(): Promise<RecordedDenials> {
    return this.#unsent.count();
  }

  /** Counts lines that writers were given and that are not in the files; done every few seconds. */
  async noteUnwritten(): Promise<void> {
    for (const [index, tail] of this.#tails.entries()) {
      const { writes } = this.#options.logs[index] ?? {};
      if (writes !== undefined) await this.#noteUnwritten(tail, writes).catch(this.#options.onFailure);
    }
  }

  async #noteUnwritten(tail: LogTail, writes: () => Promise<WriterCounts | undefined>): Promise<void> {
    const { gaps } = this.#options;
    // In this order: what is read later than it is asked for would seem to be missing.
    const lagMs = await tail.lagMs();
    const read = gaps.linesOf(tail.livePlace.log);
    const counts = await writes();
    if (counts === undefined) return;
    const now = new Date().toISOString();
    const known = this.#unwritten.get(tail) ?? { lines: new UnwrittenLines(), since: now };
    const failed = counts.failed + tail.truncations;
    const lost = known.lines.note({ ...counts, failed, read, lagMs, atMs: performance.now() });
    this.#unwritten.set(tail, { ...known, since: now });
    if (lost > 0) await gaps.noteUnwritten(tail.livePlace, { lost, firstTime: known.since, lastTime: now });
  }

  /** Resolves when every line that is there now is consumed, and what is known to be lost is counted. */
  async drain(): Promise<void> {
    await this.#checkSink();
    await Promise.all(this.#tails.map((tail) => tail.drain()));
  }

  async close(): Promise<void> {
    this.#timers.forEach(clearInterval);
    await this.#keeping;
    await Promise.all(this.#tails.map((tail) => tail.close()));
  }

  /** Where nobody answers, consuming fails too, and says so. */
  async #checkSink(): Promise<void> {
    await this.#options.gaps.checkSink().catch(() => undefined);
  }

  #keepWithinBudget(): void {
    this.#keeping ??= keepWithinBudget(this.#tails, this.#options.budgetBytes)
      .catch(this.#options.onFailure)
      .finally(() => (this.#keeping = undefined));
  }
}
