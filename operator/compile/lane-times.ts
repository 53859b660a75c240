// When the lane of each product of a workspace last changed. The stored plan says it, so it survives restarts of the
// operator; what this one gave out counts until the watch has returned it.
import { secondOf } from '../model/kubernetes-object.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';

export interface LaneTimes {
  /** Those of the last call. */
  readonly remembered?: readonly WorkspacePlan[];
  /** Epoch milliseconds; without it no lane gets a new time. */
  readonly atMs?: number | undefined;
}

/** `wanted` has no times; the revision does not depend on them. */
export function datedPlans(
  wanted: readonly WorkspacePlan[],
  stored: readonly WorkspacePlan[],
  { remembered = [], atMs }: LaneTimes,
): readonly WorkspacePlan[] {
  const [seen, given] = [byName(stored), byName(remembered)];
  const now = atMs === undefined ? {} : { since: secondOf(atMs) };
  return wanted.map((plan) => {
    const before = [seen, given].map((plans) => productsOf(plans.get(plan.metadata.name)));
    const products = plan.spec.products.map(({ product, lane }) => {
      const known = before.map((lanes) => lanes.get(product)).find((one) => one?.lane === lane);
      return known === undefined ? { product, lane, ...now } : known;
    });
    return { ...plan, spec: { ...plan.spec, products } };
  });
}

function byName(plans: readonly WorkspacePlan[]): ReadonlyMap<string, WorkspacePlan> {
  return new Map(plans.map((plan) => [plan.metadata.name, plan]));
}

function productsOf(plan: WorkspacePlan | undefined) {
  return new Map((plan?.spec.products ?? []).map((one) => [one.product, one] as const));
}
