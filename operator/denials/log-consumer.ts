// Lines of Envoy's log and of the DNS -> rows of a sink: each batch is parsed into denials, handed to the sink, and
// only then acknowledged.
import pLimit from 'p-limit';
import type { Denial } from '../model/denial.ts';
import {
  denialsOf,
  type LogLines,
  type LogOrigin,
  type ReadLines,
  readLines,
} from './reading/read-denials.ts';
import { RowBudget } from './store/row-budget.ts';
import { numberRows, type RowBatch, type RowSink, type SinkProgress } from './store/row-sink.ts';

export interface LogConsumerOptions extends LogOrigin {
  readonly sink: RowSink;
  /** Of each lane, before one stands for several denials. */
  readonly rowsPerSecond: number;
  /** Resolves when the tables that decided are known, or unobtainable; at once where it is not given. */
  readonly tablesOf?: (lines: ReadLines['lines']) => Promise<void>;
  /** Called once the sink has them. */
  readonly onDenials: (denials: readonly Denial[]) => void;
  /** Unreadable lines; their denials are lost, so they are reported. */
  readonly onUnreadableLines: (count: number, logFile: string) => void;
  /** Lines that were too long: their rows have truncated texts. */
  readonly onTruncatedLines: (count: number, logFile: string) => void;
}

export class LogConsumer {
  readonly #options: LogConsumerOptions;
  readonly #positions: Map<string, number>;
  #sequence: number;
  readonly #budget: RowBudget;
  /** Batches of several logs arrive concurrently, and are numbered one after the other. */
  readonly #inTurn = pLimit(1);

  private constructor(options: LogConsumerOptions, { positions, lastSequence }: SinkProgress) {
    this.#options = options;
    this.#budget = new RowBudget({ canRaise: options.sink.canRaise, rowsPerSecond: options.rowsPerSecond });
    this.#positions = new Map(positions);
    this.#sequence = lastSequence;
  }

  static async open(options: LogConsumerOptions): Promise<LogConsumer> {
    return new LogConsumer(options, await options.sink.progress(options.gateway));
  }

  /** Stores the denials of the batch; a repeated batch is harmless. Throws where nothing of it was stored. */
  consume(batch: LogLines): Promise<void> {
    return this.#inTurn(() => this.#consume(batch));
  }

  async #consume({ logFile, upTo, lines: texts }: LogLines): Promise<void> {
    const from = this.#positions.get(logFile) ?? 0;
    if (upTo <= from) return;
    const { gateway, tablesOf, onDenials, onUnreadableLines, onTruncatedLines } = this.#options;
    const { lines, unreadable, truncated } = readLines(texts.filter(({ offset }) => offset >= from));
    await tablesOf?.(lines);
    const { rows, raised } = this.#budget.take(denialsOf(logFile, lines, this.#options));
    const denials = numberRows(rows, this.#sequence);
    // Allowed connections leave no row. After a crash their lines may be read again; a transaction for each batch of
    // them would cost more CPU than Envoy spends on the connections.
    if (denials.length + raised.length > 0) await this.#append({ gateway, logFile, upTo, denials, raised });
    this.#positions.set(logFile, upTo);
    this.#sequence += denials.length;
    if (unreadable > 0) onUnreadableLines(unreadable, logFile);
    if (truncated > 0) onTruncatedLines(truncated, logFile);
    onDenials(denials);
  }

  async #append(batch: RowBatch): Promise<void> {
    try {
      await this.#options.sink.append(batch);
    } catch (error) {
      this.#budget.reset();
      throw error;
    }
  }
}
