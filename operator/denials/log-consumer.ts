// Lines of a log -> rows of a sink: each batch is parsed into denials, handed to the sink, and only then acknowledged.
import pLimit from 'p-limit';
import {
  denialsOf,
  type LineReader,
  type LogLines,
  type ReadLines,
  readLines,
} from './reading/read-denials.ts';
import { RowBudget, type RowShape } from './store/row-budget.ts';
import {
  type LogRow,
  numberRows,
  type RowBatch,
  type RowSink,
  type SinkProgress,
  type Unnumbered,
} from './store/row-sink.ts';

export interface LogConsumerOptions<Line, Row extends LogRow> {
  readonly gateway: string;
  readonly reader: LineReader<Line, Unnumbered<Row>>;
  readonly sink: RowSink<Row>;
  /** Of each lane or workspace, before one stands for several denials. */
  readonly rowsPerSecond: number;
  readonly shape: RowShape<Unnumbered<Row>>;
  /** Called for all lines, allowed or denied, once the sink has their denials; `upTo` is their end in the file. */
  readonly onLines?: (lines: ReadLines<Line>['lines'], logFile: string, upTo: number) => void;
  /** Called once the sink has them. */
  readonly onDenials: (denials: readonly Row[]) => void;
  /** Unreadable lines; their denials are lost, so they are reported. */
  readonly onUnreadableLines: (count: number, logFile: string) => void;
  /** Lines that were too long: their rows have truncated texts. */
  readonly onTruncatedLines: (count: number, logFile: string) => void;
}

/** What takes the batches of a log. */
export type BatchConsumer = Pick<LogConsumer<never, never>, 'consume'>;

export class LogConsumer<Line, Row extends LogRow> {
  readonly #options: LogConsumerOptions<Line, Row>;
  readonly #positions: Map<string, number>;
  #sequence: number;
  readonly #budget: RowBudget<Unnumbered<Row>>;
  /** Batches of several logs arrive concurrently, and are numbered one after the other. */
  readonly #inTurn = pLimit(1);

  private constructor(options: LogConsumerOptions<Line, Row>, { positions, lastSequence }: SinkProgress) {
    const { sink, rowsPerSecond, shape } = options;
    this.#options = options;
    this.#budget = new RowBudget({ canRaise: sink.canRaise, rowsPerSecond, shape });
    this.#positions = new Map(positions);
    this.#sequence = lastSequence;
  }

  static async open<Line, Row extends LogRow>(
    options: LogConsumerOptions<Line, Row>,
  ): Promise<LogConsumer<Line, Row>> {
    return new LogConsumer(options, await options.sink.progress(options.gateway));
  }

  /** Stores the denials of the batch; a repeated batch is harmless. Throws where nothing of it was stored. */
  consume(batch: LogLines): Promise<void> {
    return this.#inTurn(() => this.#consume(batch));
  }

  async #consume({ logFile, upTo, lines: texts }: LogLines): Promise<void> {
    const from = this.#positions.get(logFile) ?? 0;
    if (upTo <= from) return;
    const { gateway, reader, onLines, onDenials, onUnreadableLines, onTruncatedLines } = this.#options;
    const read = readLines(
      texts.filter(({ offset }) => offset >= from),
      reader.parse,
    );
    await reader.prepare?.(read.lines.map(({ line }) => line));
    const { rows, raised } = this.#budget.take(
      denialsOf(`${gateway}/${logFile}`, read.lines, reader.denialOf),
    );
    const denials = numberRows<Row>(rows, this.#sequence);
    // Allowed connections leave no row. After a crash their lines may be read again; a transaction for each batch of
    // them would cost more CPU than Envoy spends on the connections.
    if (denials.length + raised.length > 0) await this.#append({ gateway, logFile, upTo, denials, raised });
    this.#positions.set(logFile, upTo);
    this.#sequence += denials.length;
    if (read.unreadable > 0) onUnreadableLines(read.unreadable, logFile);
    if (read.truncated > 0) onTruncatedLines(read.truncated, logFile);
    onLines?.(read.lines, logFile, upTo);
    onDenials(denials);
  }

  async #append(batch: RowBatch<Row>): Promise<void> {
    try {
      await this.#options.sink.append(batch);
    } catch (error) {
      this.#budget.reset();
      throw error;
    }
  }
}
