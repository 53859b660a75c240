// The tables of the last revisions, so that a log line's rule is looked up in the very table that decided, also when
// the policy has changed between the decision and the reading of its line.
import { findRule, formatRule } from '../compile/decide.ts';
import { indexTable, nextExpiry, type TableIndex } from '../compile/table-index.ts';
import type { RuleQuery } from '../denials/denial-of-line.ts';
import type { EgressTable, EgressTableSpec } from '../model/egress-table.ts';

const MAX_REVISIONS = 32;
const BEFORE_ANY_EXPIRY = 0;

/** A table as it is from one moment (epoch milliseconds) until the next of its entries expires. */
interface Period {
  readonly index: TableIndex;
  readonly fromMs: number;
  readonly untilMs: number;
}

export class RuleHistory {
  readonly #periods = new Map<string, Period>();

  /** Remembers the tables that are about to be enforced. */
  remember(tables: readonly EgressTable[]): void {
    for (const table of tables) {
      const key = keyOf(table.metadata.name, table.spec.revision);
      const known = this.#periods.get(key) ?? periodAt(table.spec, BEFORE_ANY_EXPIRY);
      this.#periods.delete(key);
      this.#periods.set(key, known);
    }
    this.#forgetOldest(Math.max(MAX_REVISIONS, tables.length));
  }

  /** Null where no entry covers the host, or the revision is no longer known. */
  findRule({ table, revision, host, port, atMs }: RuleQuery): string | null {
    const key = keyOf(table, revision);
    const known = this.#periods.get(key);
    if (known === undefined) return null;
    const isNow = known.fromMs <= atMs && atMs < known.untilMs;
    const { index } = isNow ? known : this.#enter(key, known.index.table, atMs);
    // An entry that has just expired is in force until the gateway has heard of it.
    const rule =
      findRule(index, host, port) ?? findRule(indexTable(index.table, BEFORE_ANY_EXPIRY), host, port);
    return rule === undefined ? null : formatRule(rule);
  }

  #enter(key: string, table: EgressTableSpec, atMs: number): Period {
    const period = periodAt(table, atMs);
    this.#periods.set(key, period);
    return period;
  }

  #forgetOldest(limit: number): void {
    for (const key of this.#periods.keys()) {
      if (this.#periods.size <= limit) return;
      this.#periods.delete(key);
    }
  }
}

function periodAt(table: EgressTableSpec, atMs: number): Period {
  const untilMs = nextExpiry(table, atMs) ?? Number.POSITIVE_INFINITY;
  return { index: indexTable(table, atMs), fromMs: atMs, untilMs };
}

function keyOf(table: string, revision: string): string {
  return `${table}@${revision}`;
}
