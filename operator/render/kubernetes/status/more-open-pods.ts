// Pods that run in a lane more open than their workspace's plan gives to their product: those that were there before
// their Namespace became a workspace, and those that started under a policy that was more open (R39, R40). They retain
// their lane until they restart, so their workspace is not yet as its policy says. A pod that goes past its lane through
// its node is in none, whatever its label says and whether it has started or not: it counts as in lane full.
import type { StampedPod } from '../../../model/cluster-state.ts';
import { LANES, type Lane } from '../../../model/lane.ts';
import { openingsPast } from '../../../model/pod-openings.ts';
import { compareText } from '../../../model/snapshot.ts';
import { isMoreOpen } from '../../../model/stamp.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';

export interface MoreOpenPods {
  /** How many, by lane. */
  readonly counts: ReadonlyMap<Lane, number>;
  /** Of these the ones that go past their lane, in order: `pod "web" by hostNetwork`. */
  readonly past: readonly string[];
}

/** By workspace; one without such pods is left out. */
export function moreOpenPods(
  pods: readonly StampedPod[],
  plans: readonly WorkspacePlan[],
): ReadonlyMap<string, MoreOpenPods> {
  const wanted = new Map(plans.map((plan) => [plan.metadata.name, lanesOf(plan)]));
  const byWorkspace = Map.groupBy(pods, ({ namespace }) => namespace);
  const found = new Map<string, MoreOpenPods>();
  for (const [workspace, lanes] of wanted) {
    const more = moreOpenThan(lanes, byWorkspace.get(workspace) ?? []);
    if (more.counts.size > 0) found.set(workspace, more);
  }
  return found;
}

function moreOpenThan(lanes: ReadonlyMap<string, Lane>, pods: readonly StampedPod[]): MoreOpenPods {
  const counts = new Map<Lane, number>();
  const past: string[] = [];
  for (const { name, product, lane, openings } of pods) {
    const planned = laneIn(lanes, product);
    const ways = openingsPast(planned, openings);
    const real = ways.length > 0 ? 'full' : LANES.find((one) => one === lane);
    if (real === undefined || !isMoreOpen(real, planned)) continue;
    counts.set(real, (counts.get(real) ?? 0) + 1);
    if (ways.length > 0) past.push(`pod "${name}" by ${ways.join(', ')}`);
  }
  return { counts, past: past.toSorted(compareText) };
}

function lanesOf({ spec }: WorkspacePlan): ReadonlyMap<string, Lane> {
  return new Map(spec.products.map(({ product, lane }) => [product, lane]));
}

/** An unknown product is GENERAL. */
function laneIn(lanes: ReadonlyMap<string, Lane>, product: string): Lane {
  return lanes.get(product) ?? lanes.get('GENERAL') ?? 'sealed';
}
