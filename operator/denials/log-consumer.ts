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
  denialsIn,
  type LogRow,
  numberRows,
  type RowBatch,
  type RowSink,
  type SinkProgress,
  type Unnumbered,
} from './store/row-sink.ts';

/** Of any log. */
export interface TimedLine {
  readonly time: string;
}

/** What is known of a sink's progress without asking it. */
export interface DeliveryRecord {
  /** A log file, as the sink knows it. */
  readonly nameOf: (logFile: string) => string;
  /** Up to where it was acknowledged; of that name. */
  readonly upTo: (name: string) => number;
  /** So many denials more are acknowledged. */
  readonly note: (name: string, upTo: number, denials: number) => void;
  /** Finds what the sink has no more. */
  readonly compare: (progress: SinkProgress) => Promise<void>;
}

export interface LogConsumerOptions<Line extends TimedLine, Row extends LogRow> {
  readonly gateway: string;
  readonly reader: LineReader<Line, Unnumbered<Row>>;
  readonly sink: RowSink<Row>;
  /** Of each lane or workspace, before one stands for several denials. */
  readonly rowsPerSecond: number;
  readonly shape: RowShape<Unnumbered<Row>>;
  /** Only what the sink says counts where it is not given. */
  readonly delivery?: () => DeliveryRecord;
  /** Called for all lines, allowed or denied, once the sink has their denials; `upTo` is their end in the file. */
  readonly onLines?: (lines: ReadLines<Line>['lines'], logFile: string, upTo: number) => void;
  /** Called once the sink has them. */
  readonly onDenials: (denials: readonly Row[]) => void;
  /** Unreadable lines; their denials are lost, so they are reported. */
  readonly onUnreadableLines: (count: number, logFile: string) => void;
  /** Lines that were too long: their rows have truncated texts. */
  readonly onTruncatedLines: (count: number, logFile: string) => void;
}

/** A row that no line of a log says, with its number in a log file of its own. */
export interface NumberedRow<Row> {
  readonly number: number;
  readonly row: Unnumbered<Row>;
}

/** Lines of a file, under its own name. */
interface ReadFile<Line> extends ReadLines<Line> {
  readonly logFile: string;
}

const NO_RECORD: DeliveryRecord = {
  nameOf: (logFile) => logFile,
  upTo: () => 0,
  note: () => undefined,
  compare: () => Promise.resolve(),
};

/** While a sink is away they are the same lines, again and again. */
const MOST_UNSURE = 8;

/** What takes the batches of a log. */
export type BatchConsumer = Pick<LogConsumer<never, never>, 'consume'>;

export class LogConsumer<Line extends TimedLine, Row extends LogRow> {
  readonly #options: LogConsumerOptions<Line, Row>;
  #positions = new Map<string, number>();
  #sequence = 0;
  /** Whether it is known what the sink has: of a batch that failed, it may have everything. */
  #isKnown = false;
  /** Batches whose answer was an error, since the last that was none: one of them may be stored, or will be. */
  #unsure: readonly { readonly batch: RowBatch<Row>; readonly read: ReadFile<Line> | undefined }[] = [];
  /** Of the lines so far. */
  #newestTime: string | undefined;
  readonly #budget: RowBudget<Unnumbered<Row>>;
  /** Batches of several logs arrive concurrently, and are numbered one after the other. */
  readonly #inTurn = pLimit(1);

  /** Asks the sink once there is a batch, so that a sink that is away keeps nobody from starting. */
  constructor(options: LogConsumerOptions<Line, Row>) {
    const { sink, rowsPerSecond, shape } = options;
    this.#options = options;
    this.#budget = new RowBudget({ canRaise: sink.canRaise, rowsPerSecond, shape });
  }

  get #delivery(): DeliveryRecord {
    return this.#options.delivery?.() ?? NO_RECORD;
  }

  /** Throws where the sink is away. */
  static async open<Line extends TimedLine, Row extends LogRow>(
    options: LogConsumerOptions<Line, Row>,
  ): Promise<LogConsumer<Line, Row>> {
    const consumer = new LogConsumer(options);
    await consumer.#askProgress();
    return consumer;
  }

  /** Stores the denials of the batch; a repeated batch is harmless. Throws where nothing of it was stored. */
  consume(batch: LogLines): Promise<void> {
    return this.#inTurn(() => this.#consume(batch));
  }

  /** How far the sink is in a log file. Throws where the sink is away. */
  positionOf(logFile: string): Promise<number> {
    return this.#inTurn(async () => {
      if (!this.#isKnown) await this.#askProgress();
      return this.#positions.get(logFile) ?? 0;
    });
  }

  /** Stores those that the sink does not have yet: a position in such a log file is the number of the next row. */
  storeRows(logFile: string, numbered: readonly NumberedRow<Row>[]): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isKnown) await this.#askProgress();
      const from = this.#positions.get(logFile) ?? 0;
      const fresh = numbered.filter(({ number }) => number >= from);
      const upTo = (fresh.at(-1)?.number ?? -1) + 1;
      if (fresh.length === 0) return;
      const rows = fresh.map(({ row }) => row);
      await this.#store({ logFile, upTo, denials: this.#number(rows), raised: [] }, undefined);
    });
  }

  /** Asks the sink where it stands, so that somebody notices what it has no more. */
  checkSink(): Promise<void> {
    return this.#inTurn(() => this.#askProgress());
  }

  async #askProgress(): Promise<void> {
    const progress = await this.#options.sink.progress(this.#options.gateway);
    await this.#delivery.compare(progress);
    const { positions, lastSequence } = progress;
    // Lines without a denial may be beyond the sink's position; reading them again is harmless.
    this.#positions = new Map(positions);
    this.#sequence = lastSequence;
    this.#isKnown = true;
    // One that is still under way may be stored after this answer.
    const stored = this.#unsure.findLast(({ batch }) => batch.upTo === positions.get(batch.logFile));
    if (stored === undefined) return;
    this.#unsure = [];
    this.#report(stored.batch, stored.read);
  }

  async #consume({ logFile, upTo, lines: texts }: LogLines): Promise<void> {
    if (!this.#isKnown) await this.#askProgress();
    const name = this.#delivery.nameOf(logFile);
    // What was acknowledged and is gone counts as lost.
    const from = Math.max(this.#positions.get(name) ?? 0, this.#delivery.upTo(name));
    if (upTo <= from) return;
    const { gateway, reader } = this.#options;
    const fresh = texts.filter(({ offset }) => offset >= from);
    const read = { logFile, ...readLines(fresh, reader.parse) };
    await reader.prepare?.(read.lines.map(({ line }) => line));
    this.#newestTime = read.lines.at(-1)?.line.time ?? this.#newestTime;
    const { rows, raised } = this.#budget.take(denialsOf(`${gateway}/${name}`, read.lines, reader.denialOf));
    const denials = this.#number([...rows, ...this.#lostRows(name, read)]);
    await this.#store({ logFile: name, upTo, denials, raised }, read);
  }

  /** A row that counts the unreadable lines: each may have been a denial. */
  #lostRows(name: string, { lines, unreadable }: ReadLines<Line>): readonly Unnumbered<Row>[] {
    const { gateway, reader } = this.#options;
    const [first] = unreadable;
    if (first === undefined) return [];
    const eventTime = lines[0]?.line.time ?? this.#newestTime ?? new Date().toISOString();
    const eventId = `${gateway}/${name}/${first}`;
    return [reader.lost.rowOf({ eventId, eventTime, lost: unreadable.length, owner: reader.lost.nobody })];
  }

  #number(rows: readonly Unnumbered<Row>[]): readonly Row[] {
    return numberRows<Row>(rows, this.#sequence);
  }

  async #store(
    rows: Omit<RowBatch<Row>, 'gateway' | 'raised'> & Required<Pick<RowBatch<Row>, 'raised'>>,
    read: ReadFile<Line> | undefined,
  ): Promise<void> {
    const batch = { gateway: this.#options.gateway, ...rows };
    // Allowed connections leave no row. After a crash their lines may be read again; a transaction for each batch of
    // them would cost more CPU than Envoy spends on the connections.
    if (batch.denials.length + batch.raised.length > 0) {
      await this.#append(batch, read);
      this.#delivery.note(batch.logFile, batch.upTo, denialsIn(batch.denials, batch.raised));
    }
    this.#positions.set(batch.logFile, batch.upTo);
    this.#sequence += batch.denials.length;
    this.#report(batch, read);
  }

  #report({ upTo, denials }: RowBatch<Row>, read: ReadFile<Line> | undefined): void {
    const { onLines, onDenials, onUnreadableLines, onTruncatedLines } = this.#options;
    if (read !== undefined) {
      const { logFile } = read;
      if (read.unreadable.length > 0) onUnreadableLines(read.unreadable.length, logFile);
      if (read.truncated > 0) onTruncatedLines(read.truncated, logFile);
      onLines?.(read.lines, logFile, upTo);
    }
    onDenials(denials);
  }

  async #append(batch: RowBatch<Row>, read: ReadFile<Line> | undefined): Promise<void> {
    try {
      await this.#options.sink.append(batch);
      this.#unsure = [];
    } catch (error) {
      this.#budget.reset();
      this.#isKnown = false;
      this.#unsure = [...this.#unsure, { batch, read }].slice(-MOST_UNSURE);
      throw error;
    }
  }
}
