// The plan that a text names: an id, or the name of a Namespace. What is the id of one and the name of another is
// ambiguous, and names neither.
import { memoize } from '../../lib/memo.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { NO_ID } from '../workspace-ids.ts';

/** `plans`: the very same array while nothing has changed. */
export function findPlan(plans: readonly IngressPlan[], idOrName: string): IngressPlan | undefined {
  const { byId, byName } = indexOf(plans);
  const named = byName.get(idOrName);
  const found = byId.get(idOrName) ?? named;
  return named === undefined || named === found ? found : undefined;
}

export function findPlanById(plans: readonly IngressPlan[], id: string): IngressPlan | undefined {
  return indexOf(plans).byId.get(id);
}

const indexOf = memoize((plans: readonly IngressPlan[]) => ({
  byId: new Map(
    plans
      .filter(({ spec }) => spec.workspaceId !== NO_ID)
      .map((plan) => [plan.spec.workspaceId, plan] as const),
  ),
  byName: new Map(plans.map((plan) => [plan.metadata.name, plan] as const)),
}));
