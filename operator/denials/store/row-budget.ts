// Denials in, rows out: one each, until a lane has had too many in one second. Beyond that equal denials count in the
// row that is there already, and those that are equal to none in one row for each reason. So a flood is small, nothing
// is lost, and the sum of `repeats` is the number of denials.
import type { UnnumberedDenial } from '../../model/denial.ts';
import type { RaisedRow } from './row-sink.ts';

export interface RowBudgetOptions {
  /** Of one workspace, product and access type. */
  readonly rowsPerSecond: number;
  /**
   * Whether a row of a former batch can still be changed; else each batch has rows of its own for denials beyond the
   * budget.
   */
  readonly canRaise: boolean;
}

export interface BudgetedRows {
  readonly rows: readonly UnnumberedDenial[];
  /** Rows of former batches, and how many denials more they stand for. */
  readonly raised: readonly RaisedRow[];
}

/** A row that may come to stand for more denials. */
interface OpenRow {
  readonly denial: UnnumberedDenial;
  readonly sample: string[] | null;
  repeats: number;
  /** Number of the batch in which it is. */
  readonly batch: number;
}

/** One second of one lane. */
interface LaneSecond {
  readonly second: string;
  readonly rows: Map<string, OpenRow>;
  count: number;
}

/** The keys of a denial's row. */
interface Place {
  readonly lane: LaneSecond;
  readonly key: string;
  readonly denial: UnnumberedDenial;
  readonly rows: OpenRow[];
  readonly sample?: string[];
}

const SAMPLE_NAMES = 10;
/** Lines come a little out of order; a second that is older than this starts again. */
const KEPT_SECONDS = 5;
const SECOND_MS = 1000;

/** Stands for every destination that has no row of its own. */
const OTHER_DESTINATIONS = '*';

export class RowBudget {
  readonly #canRaise: boolean;
  readonly #most: number;
  /** So many rows may be of denials that are equal to others: the rest is reserved for new ones. */
  readonly #mostEqual: number;
  #lanes = new Map<string, LaneSecond>();
  #newest = '';
  #batch = 0;

  constructor({ canRaise, rowsPerSecond }: RowBudgetOptions) {
    this.#canRaise = canRaise;
    this.#most = rowsPerSecond;
    this.#mostEqual = Math.ceil(rowsPerSecond / 2);
  }

  /** Call reset() where the result is not stored. */
  take(denials: readonly UnnumberedDenial[]): BudgetedRows {
    this.#batch += 1;
    const rows: OpenRow[] = [];
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
    this.#lanes.clear();
  }

  /** The row that stands for the denial; a new one is pushed. */
  #place(denial: UnnumberedDenial, rows: OpenRow[]): OpenRow {
    const lane = this.#laneSecond(denial);
    const key = equalityKey(denial);
    const equal = lane.rows.get(key);
    if (lane.count < (equal === undefined ? this.#most : this.#mostEqual)) {
      lane.count += 1;
      return this.#open({ lane, key, denial, rows });
    }
    if (equal !== undefined) return this.#count(equal, { lane, key, denial, rows });
    const othersKey = `${OTHER_DESTINATIONS} ${denial.reason} ${denial.destinationType}`;
    const others = lane.rows.get(othersKey);
    const place = { lane, key: othersKey, denial: othersOf(denial), rows, sample: [] };
    const row = others === undefined ? this.#open(place) : this.#count(others, place);
    addToSample(row, denial.destination);
    return row;
  }

  #open({ lane, key, denial, rows, sample }: Place): OpenRow {
    const row: OpenRow = { denial, sample: sample ?? null, repeats: denial.repeats, batch: this.#batch };
    lane.rows.set(key, row);
    rows.push(row);
    return row;
  }

  #count(row: OpenRow, place: Place): OpenRow {
    const isHere = row.batch === this.#batch;
    if (!isHere && !this.#canRaise) return this.#open(place);
    if (isHere) row.repeats += place.denial.repeats;
    return row;
  }

  #laneSecond({ workspaceId, product, accessType, eventTime }: UnnumberedDenial): LaneSecond {
    const second = eventTime.slice(0, 'yyyy-mm-ddThh:mm:ss'.length);
    if (second > this.#newest) this.#begin(second);
    const key = `${second} ${accessType} ${workspaceId} ${product}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = { second, rows: new Map(), count: 0 };
    this.#lanes.set(key, lane);
    return lane;
  }

  /** Drops the seconds that are over. */
  #begin(second: string): void {
    this.#newest = second;
    const oldestMs = Date.parse(`${second}Z`) - KEPT_SECONDS * SECOND_MS;
    for (const [key, lane] of this.#lanes) {
      if (Date.parse(`${lane.second}Z`) < oldestMs) this.#lanes.delete(key);
    }
  }
}

function addToSample({ sample }: OpenRow, destination: string): void {
  if (sample !== null && sample.length < SAMPLE_NAMES && !sample.includes(destination))
    sample.push(destination);
}

/** All that distinguishes denials for people, but source and time. */
function equalityKey({
  destination,
  destinationType,
  port,
  reason,
  rule,
  sni,
  revision,
  dnsEvent,
}: UnnumberedDenial): string {
  return JSON.stringify([destination, destinationType, port, reason, rule, sni, revision, dnsEvent?.rcode]);
}

function othersOf(denial: UnnumberedDenial): UnnumberedDenial {
  return {
    ...denial,
    destination: OTHER_DESTINATIONS,
    dnsEvent: null,
    storageEvent: null,
    rule: null,
    port: null,
    sni: null,
  };
}
