// Denials page by page, so that an answer of any size is read in pieces, each row once; and those that come, for as long as
// somebody waits for them. A failure is a value: { error }.
import type { AskDenials } from '../../denials/asking/ask-collector.ts';
import type { QueryRows } from '../../denials/query/run-query.ts';
import {
  cursorOf,
  type DenialFilter,
  type DenialSelection,
  type SequenceRange,
  selectDenials,
  selectLast,
} from '../../denials/query/select-denials.ts';

export type Page = Pick<QueryRows, 'columns' | 'rows'> | { readonly error: string };

const PAGE_ROWS = 2000;
/** More than any installation has. */
const MOST_GATEWAYS = 100_000;

/** At least one page, also where there are no rows; `limit` rows at most. */
export async function* readPages(
  ask: AskDenials,
  selection: Omit<DenialSelection, 'behind'>,
  pageRows = PAGE_ROWS,
): AsyncGenerator<Page> {
  const { limit = Number.POSITIVE_INFINITY, ...rest } = selection;
  let left = limit;
  let behind: DenialSelection['behind'];
  do {
    const wanted = Math.min(left, pageRows);
    const page = await ask(selectDenials({ ...rest, behind, limit: wanted }), wanted);
    yield page;
    if ('error' in page) return;
    left -= page.rows.length;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < wanted) return;
    behind = cursorOf(last);
  } while (left > 0);
}

/**
 * Rows that are stored from now on, oldest first. A gateway that was cut off sends old denials late, so their times say
 * nothing about what is new; the numbers of a gateway's rows do. They are read up to the numbers that were there at the
 * beginning of a round, which is a set of rows that changes no more.
 */
export class Newcomers {
  readonly #ask: AskDenials;
  readonly #filter: DenialFilter;
  #known: ReadonlyMap<string, number> | undefined;

  constructor(ask: AskDenials, filter: DenialFilter) {
    this.#ask = ask;
    this.#filter = filter;
  }

  /** What is there already is not new, but where `since` says so. */
  async *read(): AsyncGenerator<Page> {
    const last = await this.#ask(selectLast(this.#filter), MOST_GATEWAYS);
    if ('error' in last) return yield last;
    const now = new Map(last.rows.map((row) => [String(row['gateway']), Number(row['last'])]));
    const isFirst = this.#known === undefined;
    const { sinceMs, ...filter } = this.#filter;
    const between = rangesOf(this.#known ?? new Map(), now);
    if (between.length > 0 && !(isFirst && sinceMs === undefined)) {
      const selection = { ...filter, sinceMs: isFirst ? sinceMs : undefined, between, isForward: true };
      for await (const page of readPages(this.#ask, selection)) {
        yield page;
        if ('error' in page) return;
      }
    }
    // Also those of gateways whose rows have been deleted since.
    this.#known = new Map([...(this.#known ?? []), ...now]);
  }
}

/** A last number that has become lower is that of a new log, of which nothing was seen. */
function rangesOf(
  known: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): readonly SequenceRange[] {
  return [...now].flatMap(([gateway, upTo]) => {
    const seen = known.get(gateway) ?? 0;
    if (seen === upTo) return [];
    return [{ gateway, above: seen > upTo ? 0 : seen, upTo }];
  });
}
