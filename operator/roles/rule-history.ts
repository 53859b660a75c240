// The tables of the last revisions, so that a log line's rule is looked up in the very table that decided, also when
// the policy has changed between the decision and the reading of its line.
import { findRule, formatRule } from '../compile/decide.ts';
import { indexTable, type TableIndex } from '../compile/table-index.ts';
import type { EgressTable } from '../model/egress-table.ts';

const MAX_REVISIONS = 32;
/** Expired entries are kept: they may have decided a moment ago. */
const BEFORE_ANY_EXPIRY = 0;

export class RuleHistory {
  readonly #indexes = new Map<string, TableIndex>();

  /** Remembers the tables that are about to be enforced. */
  remember(tables: readonly EgressTable[]): void {
    for (const table of tables) {
      const key = keyOf(table.metadata.name, table.spec.revision);
      const known = this.#indexes.get(key) ?? indexTable(table.spec, BEFORE_ANY_EXPIRY);
      this.#indexes.delete(key);
      this.#indexes.set(key, known);
    }
    this.#forgetOldest(Math.max(MAX_REVISIONS, tables.length));
  }

  /** Null where no entry decided, or the revision is no longer known. */
  findRule(table: string, revision: string, host: string, port: number): string | null {
    const index = this.#indexes.get(keyOf(table, revision));
    const rule = index === undefined ? undefined : findRule(index, host, port);
    return rule === undefined ? null : formatRule(rule);
  }

  #forgetOldest(limit: number): void {
    for (const key of this.#indexes.keys()) {
      if (this.#indexes.size <= limit) return;
      this.#indexes.delete(key);
    }
  }
}

function keyOf(table: string, revision: string): string {
  return `${table}@${revision}`;
}
