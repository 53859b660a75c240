// Denials in, rows out: one each, until their group (a lane, a workspace) has had too many in one second. Beyond that equal denials count in the
// row that is there already, and those that are equal to none in one row for each reason. So a flood is small, nothing
// is lost, and the sum of `repeats` is the number of denials.
import type { LogRow, RaisedRow, Unnumbered } from './row-sink.ts';

type BudgetedRow = Unnumbered<LogRow>;

/** What distinguishes the rows of one log. */
export interface RowShape<Row> {
  /** Those of one group and second share a budget. */
  readonly groupOf: (row: Row) => string;
  /** All that distinguishes denials for people, but source and time. */
  readonly equalityOf: (row: Row) => string;
  /** The row that stands for those that are equal to none, and its key. */
  readonly othersOf: (row: Row) => { readonly key: string; readonly row: Row };
  /** What such a row names of each; null where there is nothing to name. */
  readonly sampleOf: (row: Row) => string | null;
}

export interface RowBudgetOptions<Row> {
  /** Of one group. */
  readonly rowsPerSecond: number;
  /**
   * Whether a row of a former batch can still be changed; else each batch has rows of its own for denials beyond the
   * budget.
   */
  readonly canRaise: boolean;
  readonly shape: RowShape<Row>;
}

export interface BudgetedRows<Row> {
  readonly rows: readonly Row[];
  /** Rows of former batches, and how many denials more they stand for. */
  readonly raised: readonly RaisedRow[];
}

/** A row that may come to stand for more denials. */
interface OpenRow<Row> {
  readonly denial: Row;
  readonly sample: string[] | null;
  repeats: number;
  /** Number of the batch in which it is. */
  readonly batch: number;
}

/** One second of one group. */
interface GroupSecond<Row> {
  readonly second: string;
  readonly rows: Map<string, OpenRow<Row>>;
  count: number;
}

/** The keys of a denial's row. */
interface Place<Row> {
  readonly group: GroupSecond<Row>;
  readonly key: string;
  readonly denial: Row;
  readonly rows: OpenRow<Row>[];
  readonly sample?: string[];
}

const MOST_SAMPLES = 10;
/** Lines come a little out of order; a second that is older than this starts again. */
const KEPT_SECONDS = 5;
const SECOND_MS = 1000;

export class RowBudget<Row extends BudgetedRow> {
  readonly #shape: RowShape<Row>;
  readonly #canRaise: boolean;
  readonly #most: number;
  /** So many rows may be of denials that are equal to others: the rest is reserved for new ones. */
  readonly #mostEqual: number;
  #groups = new Map<string, GroupSecond<Row>>();
  #newest = '';
  #batch = 0;

  constructor({ canRaise, rowsPerSecond, shape }: RowBudgetOptions<Row>) {
    this.#shape = shape;
    this.#canRaise = canRaise;
    this.#most = rowsPerSecond;
    this.#mostEqual = Math.ceil(rowsPerSecond / 2);
  }

  /** Call reset() where the result is not stored. */
  take(denials: readonly Row[]): BudgetedRows<Row> {
    this.#batch += 1;
    const rows: OpenRow<Row>[] = [];
    const raised = new Map<string, RaisedRow>();
    for (const denial of denials) {
      const row = this.#place(denial, rows);
      if (row.batch === this.#batch) continue;
      const { eventId, eventTime } = row.denial;
      raised.set(eventId, { eventId, eventTime, by: (raised.get(eventId)?.by ?? 0) + denial.repeats });
    }
    return {
      rows: rows.map(({ denial, repeats, sample }) => ({
        ...denial,
        repeats,
        sample: sample && [...sample],
      })),
      raised: [...raised.values()],
    };
  }

  /** The rows of the last batch were not stored: nothing may be counted in them. */
  reset(): void {
    this.#groups.clear();
  }

  /** The row that stands for the denial; a new one is pushed. */
  #place(denial: Row, rows: OpenRow<Row>[]): OpenRow<Row> {
    const group = this.#groupSecond(denial);
    const key = this.#shape.equalityOf(denial);
    const equal = group.rows.get(key);
    if (group.count < (equal === undefined ? this.#most : this.#mostEqual)) {
      group.count += 1;
      return this.#open({ group, key, denial, rows });
    }
    if (equal !== undefined) return this.#count(equal, { group, key, denial, rows });
    const others = this.#shape.othersOf(denial);
    const known = group.rows.get(others.key);
    const place = { group, key: others.key, denial: others.row, rows, sample: [] };
    const row = known === undefined ? this.#open(place) : this.#count(known, place);
    addToSample(row, this.#shape.sampleOf(denial));
    return row;
  }

  #open({ group, key, denial, rows, sample }: Place<Row>): OpenRow<Row> {
    const row = { denial, sample: sample ?? null, repeats: denial.repeats, batch: this.#batch };
    group.rows.set(key, row);
    rows.push(row);
    return row;
  }

  #count(row: OpenRow<Row>, place: Place<Row>): OpenRow<Row> {
    const isHere = row.batch === this.#batch;
    if (!isHere && !this.#canRaise) return this.#open(place);
    if (isHere) row.repeats += place.denial.repeats;
    return row;
  }

  #groupSecond(denial: Row): GroupSecond<Row> {
    const second = denial.eventTime.slice(0, 'yyyy-mm-ddThh:mm:ss'.length);
    if (second > this.#newest) this.#begin(second);
    const key = `${second} ${this.#shape.groupOf(denial)}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = { second, rows: new Map(), count: 0 };
    this.#groups.set(key, group);
    return group;
  }

  /** Drops the seconds that are over. */
  #begin(second: string): void {
    this.#newest = second;
    const oldestMs = Date.parse(`${second}Z`) - KEPT_SECONDS * SECOND_MS;
    for (const [key, group] of this.#groups) {
      if (Date.parse(`${group.second}Z`) < oldestMs) this.#groups.delete(key);
    }
  }
}

function addToSample({ sample }: OpenRow<unknown>, text: string | null): void {
  if (sample !== null && text !== null && sample.length < MOST_SAMPLES && !sample.includes(text))
    sample.push(text);
}
