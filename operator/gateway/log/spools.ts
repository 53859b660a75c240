// The spools of log lines that become rows, each followed independently: Envoy's, and those of our own servers beside
// it.
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { LogBatch, LostLine } from './log-batch.ts';
import { LogTail } from './log-tail.ts';

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
  readonly onTornLine: (line: LostLine) => void;
  readonly onFailure: (error: Error) => void;
  /** The default of the tail where undefined. */
  readonly maxBytes: number | undefined;
}

export class Spools {
  readonly #tails: readonly LogTail[];

  constructor({ logs, maxBytes, ...options }: SpoolsOptions) {
    const common = { ...options, files: atomicFiles, ...(maxBytes === undefined ? {} : { maxBytes }) };
    this.#tails = logs.map(({ name, reopen }) => new LogTail({ ...common, name, reopenLogs: reopen }));
  }

  /** Continues at the persisted positions. */
  async start(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.start()));
  }

  /** Resolves when every line that is there now is consumed. */
  async drain(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.drain()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.close()));
  }
}
