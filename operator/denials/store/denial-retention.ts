// Retention of the denial log: deletes rows beyond an age, and the oldest ones beyond a size.
import { formatDuration } from '../../lib/duration.ts';

/** A store whose oldest rows can be deleted; each deletion returns how many rows it was. */
export interface RetainedRows {
  readonly deleteBefore: (time: Date) => Promise<number>;
  /** At least this share of the rows. */
  readonly deleteOldest: (share: number) => Promise<number>;
  /** Used bytes of the file; free ones are used again before it grows. */
  readonly usedBytes: () => Promise<number>;
  /** Frees what was deleted; false where that cannot be done now. */
  readonly checkpoint: () => Promise<boolean>;
}

export interface RetentionOptions {
  readonly store: RetainedRows;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** A sentence about what was deleted. */
  readonly onDeleted: (sentence: string) => void;
  readonly onFailure: (error: Error) => void;
}

const PASS_MS = 3_600_000;
/** Share of the rows that is deleted at once while the log is too large. */
const SHARE = 0.1;
const GB = 1_000_000_000;

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
    const age = `older than ${formatDuration(maxAgeMs)} (--retention)`;
    if (old > 0) onDeleted(`Deleted ${old} rows of the denial log that were ${age}`);
    let deleted = 0;
    // Freed space counts only after a checkpoint; where that is not possible now, it is done later.
    while ((await store.checkpoint()) && (await store.usedBytes()) > maxBytes) {
      const rows = await store.deleteOldest(SHARE);
      if (rows === 0) break;
      deleted += rows;
    }
    const size = `over ${maxBytes / GB} GB (--retention-size)`;
    if (deleted > 0) onDeleted(`Deleted the ${deleted} oldest rows of the denial log, which had ${size}`);
  }
}
