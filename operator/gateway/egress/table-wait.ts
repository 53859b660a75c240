// Tables and plans arrive by two watches, which are not in step: a plan may arrive before its new table, and a table
// may be deleted before the plan that used it has changed. For a moment such a workspace retains its former plan and
// table; denying everything at once could deny connections that both policies allow at each change.
import type { EgressTable } from '../../model/egress-table.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { CompiledObjects } from '../../pipeline.ts';

const WAIT_MS = 1000;

interface Pair {
  readonly plan: WorkspacePlan;
  readonly table: EgressTable;
}

export interface SteadyObjects extends CompiledObjects {
  /** When the first wait ends, by the clock of `atMs`. */
  readonly untilMs: number | undefined;
}

export class TableWait {
  #pairs: ReadonlyMap<string, Pair> = new Map();
  #sinceMs: ReadonlyMap<string, number> = new Map();

  /**
   * `compiled`, with plans and tables of before in place of those that are not there yet; `atMs` is of a clock that nobody
   * turns back.
   */
  steady(compiled: CompiledObjects, atMs: number): SteadyObjects {
    const tables = new Map(compiled.tables.map((table) => [table.metadata.name, table]));
    const pairs = new Map<string, Pair>();
    const sinceMs = new Map<string, number>();
    const plans = compiled.plans.map((plan) => {
      const { name } = plan.metadata;
      const table = tables.get(plan.spec.table);
      const before = this.#pairs.get(name);
      if (table !== undefined) pairs.set(name, { plan, table });
      if (table !== undefined || before === undefined) return plan;
      const since = this.#sinceMs.get(name) ?? atMs;
      if (atMs - since >= WAIT_MS) return plan;
      sinceMs.set(name, since);
      pairs.set(name, before);
      return before.plan;
    });
    this.#pairs = pairs;
    this.#sinceMs = sinceMs;
    for (const name of sinceMs.keys()) {
      const { table } = pairs.get(name) ?? {};
      if (table !== undefined && !tables.has(table.metadata.name)) tables.set(table.metadata.name, table);
    }
    const untilMs = sinceMs.size === 0 ? undefined : Math.min(...sinceMs.values()) + WAIT_MS;
    return { tables: [...tables.values()], plans, untilMs };
  }
}
