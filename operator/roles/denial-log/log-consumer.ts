// Lines of Envoy's log and of the DNS -> the denial log: each batch is parsed into denials, stored, and only then
// acknowledged. Sequence numbers continue where the store ends, so a missing number is a lost row.

import { denialsOf, type LogOrigin, type ReadLines, readLines } from '../../denials/reading/read-denials.ts';
import type { DenialBatch, DenialStore } from '../../denials/store/denial-store.ts';
import { RowBudget } from '../../denials/store/row-budget.ts';
import type { LogBatch } from '../../gateway/log/log-batch.ts';
import type { Denial } from '../../model/denial.ts';

export interface DenialLogOptions extends LogOrigin {
  readonly store: DenialStore;
  /** Of each lane, before one stands for several denials. */
  readonly rowsPerSecond: number;
  /** Resolves when the tables that decided are known, or unobtainable. */
  readonly tablesOf: (lines: ReadLines['lines']) => Promise<void>;
  /** Called once they are stored. */
  readonly onDenials: (denials: readonly Denial[]) => void;
  /** Unreadable lines; their denials are lost, so they are reported. */
  readonly onUnreadableLines: (count: number) => void;
  /** Lines that were too long: their rows have truncated texts. */
  readonly onTruncatedLines: (count: number) => void;
}

export class DenialLog {
  readonly #options: DenialLogOptions;
  readonly #stored: Map<string, number>;
  #sequence: number;
  readonly #budget: RowBudget;
  /** Batches of several logs arrive concurrently, and are numbered one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: DenialLogOptions, stored: Map<string, number>, sequence: number) {
    this.#options = options;
    this.#budget = new RowBudget({ canRaise: true, rowsPerSecond: options.rowsPerSecond });
    this.#stored = stored;
    this.#sequence = sequence;
  }

  static async open(options: DenialLogOptions): Promise<DenialLog> {
    const positions = await options.store.positions();
    const own = positions.filter(({ gateway }) => gateway === options.gateway);
    const stored = new Map(own.map(({ logFile, upTo }) => [logFile, upTo]));
    return new DenialLog(options, stored, await options.store.lastSequence(options.gateway));
  }

  /** Stores the denials of the batch; a repeated batch is harmless. Throws where nothing of it was stored. */
  consume(batch: LogBatch): Promise<void> {
    const done = this.#turn.then(() => this.#consume(batch));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #consume(batch: LogBatch): Promise<void> {
    const from = this.#stored.get(batch.logFile) ?? 0;
    if (batch.upTo <= from) return;
    const { lines, unreadable, cut } = readLines(batch.lines.filter(({ offset }) => offset >= from));
    await this.#options.tablesOf(lines);
    const denials = denialsOf(batch.logFile, lines, this.#options);
    const { rows, raised } = this.#budget.take(denials, this.#sequence);
    // Allowed connections leave no row. After a crash their lines may be read again; a transaction for each batch of
    // them would cost more CPU than Envoy spends on the connections.
    if (denials.length > 0) {
      const { gateway } = this.#options;
      await this.#append({ gateway, logFile: batch.logFile, upTo: batch.upTo, denials: rows, raised });
    }
    this.#stored.set(batch.logFile, batch.upTo);
    this.#sequence += rows.length;
    if (unreadable > 0) this.#options.onUnreadableLines(unreadable);
    if (cut > 0) this.#options.onTruncatedLines(cut);
    this.#options.onDenials(rows);
  }

  async #append(batch: DenialBatch): Promise<void> {
    try {
      await this.#options.store.append(batch);
    } catch (error) {
      this.#budget.reset();
      throw error;
    }
  }
}
