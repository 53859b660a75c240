// What the gateways were told to write, against what the collector's SQL returns: every name once, and nothing else.
import type { JsonRow } from '../../operator/denials/query/run-query.ts';
import { deniedName } from './denial-writer.ts';

export interface StoredNames {
  readonly asked: number;
  readonly stored: number;
  /** Names without a row. */
  readonly missing: number;
  /** Rows beyond the first of a name, and denials that a row counts beyond one. */
  readonly twice: number;
  /** Rows with names that nobody asked for. */
  readonly strange: number;
  /** Denials that rows with the reason DENIALS_NOT_KEPT count. */
  readonly counted: number;
}

const PAGE = 20_000;
const TABLE = 'system.access.outbound_network';

type Ask = (sql: string, maxRows?: number) => Promise<readonly JsonRow[]>;

/** `asked`: how many, by gateway. */
export async function compareNames(ask: Ask, asked: ReadonlyMap<string, number>): Promise<StoredNames> {
  let [stored, missing, twice] = [0, 0, 0];
  for (const [gateway, total] of asked) {
    for (let from = 0; from < total; from += PAGE) {
      const page = await readPage(ask, gateway, { from, to: Math.min(total, from + PAGE) });
      stored += page.stored;
      missing += page.missing;
      twice += page.twice;
    }
  }
  const [sums] = await ask(
    `SELECT coalesce(sum(repeats) FILTER (lost = 0), 0)::BIGINT::VARCHAR AS "all",
      coalesce(sum(lost), 0)::BIGINT::VARCHAR AS counted FROM ${TABLE}`,
  );
  const all = Number(sums?.['all']);
  return {
    ...{ asked: [...asked.values()].reduce((sum, one) => sum + one, 0), stored, missing, twice },
    ...{ strange: all - stored, counted: Number(sums?.['counted']) },
  };
}

async function readPage(
  ask: Ask,
  gateway: string,
  { from, to }: { readonly from: number; readonly to: number },
) {
  const rows = await ask(
    `SELECT destination, sum(repeats)::INT AS n FROM ${TABLE} WHERE lost = 0
     AND destination >= '${deniedName(gateway, from)}' AND destination < '${deniedName(gateway, to)}' GROUP BY ALL`,
    2 * PAGE,
  );
  const found = new Map(rows.map(({ destination, n }) => [String(destination), Number(n)]));
  let [stored, missing, twice] = [0, 0, 0];
  for (let number = from; number < to; number += 1) {
    const times = found.get(deniedName(gateway, number)) ?? 0;
    stored += times;
    if (times === 0) missing += 1;
    if (times > 1) twice += times - 1;
  }
  return { stored, missing, twice };
}
