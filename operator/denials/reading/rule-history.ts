// The tables of the last revisions, so that the rule of a log line is found in the table that decided, even when the
// policy has changed since the decision.
import { decide, findRule, formatRule } from '../../compile/decide.ts';
import { indexTable, nextExpiry, type TableIndex } from '../../compile/table-index.ts';
import type { EgressTable, EgressTableSpec } from '../../model/egress-table.ts';
import { LANES } from '../../model/lane.ts';
import type { NameQuery, RuleQuery } from './denial-of-line.ts';

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
  /** Keys of the tables that were remembered last, by name. */
  #current: ReadonlyMap<string, string> = new Map();

  /** Remembers the tables that are about to be enforced. */
  remember(tables: readonly EgressTable[]): void {
    for (const table of tables) {
      const key = keyOf(table.metadata.name, table.spec.revision);
      const known = this.#periods.get(key) ?? periodAt(table.spec, BEFORE_ANY_EXPIRY);
      this.#periods.delete(key);
      this.#periods.set(key, known);
    }
    this.#current = new Map(tables.map(({ metadata: { name }, spec }) => [name, keyOf(name, spec.revision)]));
    this.#forgetOldest(Math.max(MAX_REVISIONS, tables.length));
  }

  /** Whether this table is known. */
  knows(table: string, revision: string): boolean {
    return this.#periods.has(keyOf(table, revision));
  }

  /** Whether a tunnel could be opened again; false where the table is unknown. */
  isStillAllowed({ table, lane, host, port, atMs }: NameQuery): boolean {
    const key = this.#current.get(table);
    const index = key === undefined ? undefined : this.#indexAt(key, atMs);
    const ofLane = LANES.find((name) => name === lane);
    if (index === undefined || ofLane === undefined) return false;
    const request = { via: 'CONNECT', host, port, inside: { kind: 'TLS', sni: host } } as const;
    return decide(index, ofLane, request).verdict === 'ALLOW';
  }

  /** Null where no entry covers the host, or the revision is no longer known. */
  findRule({ table, revision, host, port, atMs }: RuleQuery): string | null {
    const index = this.#indexAt(keyOf(table, revision), atMs);
    if (index === undefined) return null;
    // An entry that has just expired is in force until the gateway's next pass.
    const rule =
      findRule(index, host, port) ?? findRule(indexTable(index.table, BEFORE_ANY_EXPIRY), host, port);
    return rule === undefined ? null : formatRule(rule);
  }

  #indexAt(key: string, atMs: number): TableIndex | undefined {
    const known = this.#periods.get(key);
    if (known === undefined) return undefined;
    if (known.fromMs <= atMs && atMs < known.untilMs) return known.index;
    const period = periodAt(known.index.table, atMs);
    this.#periods.set(key, period);
    return period.index;
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
