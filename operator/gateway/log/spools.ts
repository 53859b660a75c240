// The spools of log lines that become rows, each followed independently: Envoy's, and those of our own servers beside
// it.
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { LogBatch, LostLine } from './log-batch.ts';
import type { LogGaps } from './log-gaps.ts';
import { LogTail } from './log-tail.ts';
import { keepWithinBudget } from './spool-budget.ts';

/** Of the spool of denied questions. */
export const DNS_LOG = 'dns';

interface SpooledLog {
  readonly name: string;
  /** Makes its writer continue in another file. */
  readonly reopen: () => Promise<void>;
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

const BUDGET_MS = 1000;
/** So many files fit into the budget, so that giving one up costs little of what is kept. */
const FILES = 8;
const USUAL_FILE_BYTES = 2 * 1024 * 1024;

export class Spools {
  readonly #options: SpoolsOptions;
  readonly #tails: readonly LogTail[];
  #timer: NodeJS.Timeout | undefined;
  #keeping: Promise<void> | undefined;

  constructor(options: SpoolsOptions) {
    this.#options = options;
    const { logs, budgetBytes, maxBytes = USUAL_FILE_BYTES, ...rest } = options;
    const common = { ...rest, files: atomicFiles, maxBytes: Math.min(maxBytes, budgetBytes / FILES) };
    this.#tails = logs.map(({ name, reopen }) => new LogTail({ ...common, name, reopenLogs: reopen }));
  }

  /** Continues at the persisted positions. */
  async start(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.start()));
    this.#timer = setInterval(() => void this.#keepWithinBudget(), BUDGET_MS).unref();
  }

  async state(): Promise<SpoolsState> {
    const bytes = await Promise.all(this.#tails.map((tail) => tail.bytes()));
    const lags = await Promise.all(this.#tails.map((tail) => tail.lagMs()));
    return { bytes: bytes.reduce((sum, size) => sum + size, 0), lagSeconds: Math.max(0, ...lags) / 1000 };
  }

  /** Resolves when every line that is there now is consumed. */
  async drain(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.drain()));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#keeping;
    await Promise.all(this.#tails.map((tail) => tail.close()));
  }

  #keepWithinBudget(): void {
    this.#keeping ??= keepWithinBudget(this.#tails, this.#options.budgetBytes)
      .catch(this.#options.onFailure)
      .finally(() => (this.#keeping = undefined));
  }
}
