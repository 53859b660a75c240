// Where rows go: a store on this machine, the output of a process, another machine. Nothing here knows which.
/** What the rows of every log have. */
export interface LogRow {
  readonly eventId: string;
  readonly eventTime: string;
  readonly sequence: number;
  readonly repeats: number;
  readonly sample: readonly string[] | null;
  /** How many denials the row says were not kept; 0 in a row for denials. */
  readonly lost: number;
  /** Namespace; null where it belongs to none. */
  readonly workspace: string | null;
}

export type Unnumbered<Row> = Omit<Row, 'sequence'>;

export interface RowSink<Row extends LogRow> {
  /** Whether rows of former batches can still be changed, which is what `raised` asks for. */
  readonly canRaise: boolean;
  readonly progress: (gateway: string) => Promise<SinkProgress>;
  /** Rows and position, or nothing: throws where nothing was stored. The same batch may be sent again. */
  readonly append: (batch: RowBatch<Row>) => Promise<AppendOutcome>;
}

/** What a sink has of one gateway. */
export interface SinkProgress {
  /** Byte offset up to which everything is stored, by log file. */
  readonly positions: ReadonlyMap<string, number>;
  /** Of the last row; 0 where there is none. */
  readonly lastSequence: number;
  /**
   * How many denials all rows stood for that were ever stored, those included that retention has deleted. Undefined:
   * nobody counts.
   */
  readonly denials?: number | undefined;
}

export interface RowBatch<Row extends LogRow> {
  readonly gateway: string;
  /** Name of the log file, unique per gateway for as long as it may be sent again. */
  readonly logFile: string;
  /** Byte offset in the log file after the last line that the batch covers, denial or not. */
  readonly upTo: number;
  readonly denials: readonly Row[];
  /** Rows of former batches that stand for more denials now. */
  readonly raised?: readonly RaisedRow[];
}

export interface RaisedRow {
  readonly eventId: string;
  /** That of the row; it may be one of the day before, where the clock of the gateway is not believed. */
  readonly eventTime: string;
  readonly by: number;
}

export interface AppendOutcome {
  readonly stored: number;
  readonly duplicates: number;
}

/**
 * The one rule for `sequence`: rows of a gateway are numbered in the order in which they are handed to the sink, from
 * the last number that the sink has, without gaps; so a missing number is a lost row.
 */
export function numberRows<Row extends LogRow>(
  rows: readonly Unnumbered<Row>[],
  lastSequence: number,
): readonly Row[] {
  return rows.map((row, at) => ({ ...row, sequence: lastSequence + at + 1 }) as Row);
}

/** How many denials a batch adds to what is stored. */
export function denialsIn(
  rows: readonly Pick<LogRow, 'repeats'>[],
  raised: readonly Pick<RaisedRow, 'by'>[] = [],
): number {
  return rows.reduce((sum, { repeats }) => sum + repeats, 0) + raised.reduce((sum, { by }) => sum + by, 0);
}
