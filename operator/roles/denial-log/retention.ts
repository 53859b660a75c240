// Retention of the denial log: deletes rows beyond an age, and the oldest ones beyond a size.
import type { DenialStore } from '../../denials/store/denial-store.ts';

export interface RetentionOptions {
  readonly store: DenialStore;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** A sentence about what was deleted. */
  readonly onDeleted: (sentence: string) => void;
  readonly onFailure: (error: Error) => void;
}

const PASS_MS = 3_600_000;
/** Of the rows, at a time, while the log is too large. */
const SHARE = 0.1;
const DAY_MS = 86_400_000;

export class DenialRetention {
  readonly #options: RetentionOptions;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Now, and every hour. */
  start(): void {
    const next = (): void => void (this.#turn = this.pass(Date.now()).catch(this.#options.onFailure));
    this.#timer = setInterval(next, PASS_MS).unref();
    next();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
  }

  async pass(nowMs: number): Promise<void> {
    const { store, maxAgeMs, maxBytes, onDeleted } = this.#options;
    const old = await store.deleteBefore(new Date(nowMs - maxAgeMs));
    if (old > 0)
      onDeleted(`Deleted ${old} rows of the denial log that were older than ${maxAgeMs / DAY_MS} days`);
    let deleted = 0;
    // Freed space counts only after a checkpoint; where that is not possible now, it is done later.
    while ((await store.checkpoint()) && (await store.usedBytes()) > maxBytes) {
      const rows = await store.deleteOldest(SHARE);
      if (rows === 0) break;
      deleted += rows;
    }
    if (deleted > 0)
      onDeleted(`Deleted the ${deleted} oldest rows of the denial log, which had over ${maxBytes} bytes`);
  }
}
