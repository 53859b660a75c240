// The ingress plans of the last revisions, so that the entry of a log line is found in the lists that decided, even
// when they have changed since.
import { decideIngress } from '../../compile/ingress/decide-ingress.ts';
import { memoize } from '../../lib/memo.ts';
import type { IngressMatch, IngressVerdict } from '../../model/ingress-decision.ts';
import type { IngressPlan, IngressPlanSpec, IngressRules } from '../../model/ingress-plan.ts';

/** Beside those in force. */
const FORMER_REVISIONS = 64;

/** Where a decision is found again. */
export interface PlanRevision {
  /** Namespace. */
  readonly workspace: string;
  readonly revision: string;
}

export interface KnownVerdicts {
  readonly enforced: IngressVerdict;
  /** As if the lists in dry-run were enforced. */
  readonly shadow: IngressVerdict;
}

export class PlanHistory {
  readonly #plans = new Map<string, IngressPlanSpec>();
  #current: readonly IngressPlan[] = [];

  /** Remembers the plans that are about to be enforced. */
  remember(plans: readonly IngressPlan[]): void {
    for (const { metadata, spec } of plans) {
      const key = keyOf({ workspace: metadata.name, revision: spec.revision });
      const known = this.#plans.get(key) ?? spec;
      this.#plans.delete(key);
      this.#plans.set(key, known);
    }
    this.#current = plans;
    this.#forgetOldest(plans.length + FORMER_REVISIONS);
  }

  /** In force, or about to be. */
  get current(): readonly IngressPlan[] {
    return this.#current;
  }

  knows(place: PlanRevision): boolean {
    return this.#plans.has(keyOf(place));
  }

  /** Null where the revision, or the list in it, is not known. */
  labelOf(place: PlanRevision, listId: string): string | null {
    return this.#plans.get(keyOf(place))?.lists.find((list) => list.listId === listId)?.label ?? null;
  }

  /** What that revision decided about an address; undefined where it is not known any more. */
  verdictsOf(place: PlanRevision, address: string): KnownVerdicts | undefined {
    const rules = this.#plans.get(keyOf(place));
    if (rules === undefined) return undefined;
    return { enforced: decideIngress(rules, address), shadow: decideIngress(allEnforced(rules), address) };
  }

  #forgetOldest(limit: number): void {
    for (const key of this.#plans.keys()) {
      if (this.#plans.size <= limit) return;
      this.#plans.delete(key);
    }
  }
}

/** The entry that decided; null where that was another list, or none. */
export function entryOf(match: IngressMatch | undefined, listId: string): string | null {
  return match?.listId === listId ? match.entry : null;
}

const allEnforced = memoize(
  (rules: IngressRules): IngressRules =>
    rules.lists.every(({ mode }) => mode === 'ENFORCED')
      ? rules
      : { ...rules, lists: rules.lists.map((list) => ({ ...list, mode: 'ENFORCED' as const })) },
);

function keyOf({ workspace, revision }: PlanRevision): string {
  return `${workspace}@${revision}`;
}
