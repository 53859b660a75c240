// The two spools of log lines that become rows, Envoy's and that of the DNS: both are followed independently.
import * as atomicFiles from '../../lib/atomic-file.ts';
import type { LogBatch, LostLine } from './log-batch.ts';
import { LogTail } from './log-tail.ts';

/** Of the spool of denied questions; Envoy's log is the usual one. */
export const DNS_LOG = 'dns';

export interface SpoolsOptions {
  readonly folder: string;
  readonly consume: (batch: LogBatch) => Promise<void>;
  readonly reopenEnvoyLog: () => Promise<void>;
  readonly reopenDnsLog: () => Promise<void>;
  readonly onTornLine: (line: LostLine) => void;
  readonly onFailure: (error: Error) => void;
  /** The default of the tail where undefined. */
  readonly maxBytes: number | undefined;
}

export class Spools {
  readonly #tails: readonly LogTail[];

  constructor({ reopenEnvoyLog, reopenDnsLog, maxBytes, ...options }: SpoolsOptions) {
    const common = { ...options, files: atomicFiles, ...(maxBytes === undefined ? {} : { maxBytes }) };
    this.#tails = [
      new LogTail({ ...common, reopenLogs: reopenEnvoyLog }),
      new LogTail({ ...common, name: DNS_LOG, reopenLogs: reopenDnsLog }),
    ];
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
