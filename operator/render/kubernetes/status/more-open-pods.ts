// Pods that run in a lane more open than their workspace's plan gives to their product: those that were there before
// their Namespace became a workspace, and those that started under a policy that was more open (R39, R40). They retain
// their lane until they restart, so their workspace is not yet as its policy says.
import type { StampedPod } from '../../../model/cluster-state.ts';
import { LANES, type Lane } from '../../../model/lane.ts';
import { isMoreOpen } from '../../../model/stamp.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';

/** How many pods, by lane. */
export type PodCounts = ReadonlyMap<Lane, number>;

/** By workspace; one without such pods is left out. */
export function moreOpenPods(
  pods: readonly StampedPod[],
  plans: readonly WorkspacePlan[],
): ReadonlyMap<string, PodCounts> {
  const wanted = new Map(plans.map((plan) => [plan.metadata.name, lanesOf(plan)]));
  const found = new Map<string, Map<Lane, number>>();
  for (const { namespace, product, lane } of pods) {
    const lanes = wanted.get(namespace);
    const known = LANES.find((one) => one === lane);
    if (lanes === undefined || known === undefined || !isMoreOpen(known, laneIn(lanes, product))) continue;
    const counts = found.get(namespace) ?? new Map<Lane, number>();
    found.set(namespace, counts.set(known, (counts.get(known) ?? 0) + 1));
  }
  return found;
}

function lanesOf({ spec }: WorkspacePlan): ReadonlyMap<string, Lane> {
  return new Map(spec.products.map(({ product, lane }) => [product, lane]));
}

/** An unknown product is GENERAL. */
function laneIn(lanes: ReadonlyMap<string, Lane>, product: string): Lane {
  return lanes.get(product) ?? lanes.get('GENERAL') ?? 'sealed';
}
