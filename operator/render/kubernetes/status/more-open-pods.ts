// Pods that run in a lane more open than their workspace's plan gives to their product: those that were there before
// their Namespace became a workspace, and those that started under a policy that was more open (R39, R40). They retain
// their lane until they restart, so their workspace is not yet as its policy says. A pod that goes past its lane through
// its node is in none, whatever its label says and whether it has started or not: it counts as in lane full. One on a
// node that was given a stricter lane counts as in the former one until the network has had the time to follow.
import type { StampedPod } from '../../../model/cluster-state.ts';
import type { Lane } from '../../../model/lane.ts';
import { mostOpen } from '../../../model/moved-pod.ts';
import { openingsPast } from '../../../model/pod-openings.ts';
import { compareText } from '../../../model/snapshot.ts';
import { isMoreOpen } from '../../../model/stamp.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';

export interface MoreOpenPods {
  /** How many, by lane. */
  readonly counts: ReadonlyMap<Lane, number>;
  /** Of these the ones that go past their lane, in order: `pod "web" by hostNetwork`. */
  readonly past: readonly string[];
  /** Of these the ones that count by their former lane only. */
  readonly settling: number;
}

/** By workspace; one without such pods is left out. */
export function moreOpenPods(
  pods: readonly StampedPod[],
  plans: readonly WorkspacePlan[],
  atMs: number,
): ReadonlyMap<string, MoreOpenPods> {
  const wanted = new Map(plans.map((plan) => [plan.metadata.name, lanesOf(plan)]));
  const byWorkspace = Map.groupBy(pods, ({ namespace }) => namespace);
  const found = new Map<string, MoreOpenPods>();
  for (const [workspace, lanes] of wanted) {
    const more = moreOpenThan(lanes, byWorkspace.get(workspace) ?? [], atMs);
    if (more.counts.size > 0) found.set(workspace, more);
  }
  return found;
}

/** When the next pod has settled in its lane, in epoch milliseconds. */
export function nextSettled(pods: readonly StampedPod[], atMs: number): number | undefined {
  const timesMs = pods
    .filter((pod) => isSettling(pod, atMs))
    .map(({ moved }) => moved?.settledAtMs ?? Number.POSITIVE_INFINITY);
  return timesMs.length === 0 ? undefined : timesMs.reduce((a, b) => Math.min(a, b));
}

function moreOpenThan(
  lanes: ReadonlyMap<string, Lane>,
  pods: readonly StampedPod[],
  atMs: number,
): MoreOpenPods {
  const counts = new Map<Lane, number>();
  const past: string[] = [];
  let settling = 0;
  for (const pod of pods) {
    const planned = laneIn(lanes, pod.product);
    const ways = openingsPast(planned, pod.openings);
    const own = ways.length > 0 ? 'full' : mostOpen([pod.lane]);
    const real = mostOpen([own ?? '', formerLane(pod, atMs)]);
    if (!exceeds(real, planned)) continue;
    counts.set(real, (counts.get(real) ?? 0) + 1);
    if (ways.length > 0) past.push(`pod "${pod.name}" by ${ways.join(', ')}`);
    if (!exceeds(own, planned)) settling += 1;
  }
  return { counts, past: past.toSorted(compareText), settling };
}

function exceeds(lane: Lane | undefined, planned: Lane): lane is Lane {
  return lane !== undefined && isMoreOpen(lane, planned);
}

/** "" where the network has followed. */
function formerLane(pod: StampedPod, atMs: number): string {
  return isSettling(pod, atMs) ? (pod.moved?.from ?? '') : '';
}

/** One without a node has no network yet. */
function isSettling({ moved, nodeName }: StampedPod, atMs: number): boolean {
  return moved !== undefined && nodeName !== '' && atMs < moved.settledAtMs;
}

function lanesOf({ spec }: WorkspacePlan): ReadonlyMap<string, Lane> {
  return new Map(spec.products.map(({ product, lane }) => [product, lane]));
}

/** An unknown product is GENERAL. */
function laneIn(lanes: ReadonlyMap<string, Lane>, product: string): Lane {
  return lanes.get(product) ?? lanes.get('GENERAL') ?? 'sealed';
}
