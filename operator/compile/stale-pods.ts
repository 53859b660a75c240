// Which pods are not in the lane that their workspace's plan gives to their product now (R39, R40), and since when. In: one
// pod and the lanes of its workspace. A pod that goes past its lane through its node is in none, whatever its label says
// and whether it has started or not: it counts as in lane full. One on a node that was given a stricter lane counts as in
// the former one until the network has had the time to follow.
import type { ClusterState, StampedPod } from '../model/cluster-state.ts';
import { LANES, type Lane } from '../model/lane.ts';
import { mostOpen } from '../model/moved-pod.ts';
import { openingsPast } from '../model/pod-openings.ts';
import { isMoreOpen, STAMP_ANNOTATION, STRICTEST_LANE } from '../model/stamp.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';

/** What it takes at most, in all likelihood, until admission gives a lane that the plan has. */
const TO_ADMISSION_MS = 30_000;

/** What new pods of a workspace get. */
export interface WorkspaceLanes {
  /** By product. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** Of its Namespace; a pod with the same one was stamped under the same settings. */
  readonly stamp: string | undefined;
  /** When the lane of a product last changed, in epoch milliseconds, where that is known. Undefined: of none. */
  readonly sinceMs: ReadonlyMap<string, number> | undefined;
}

export interface StalePod {
  readonly pod: StampedPod;
  /** The one that it is in, which may be one that nobody knows: it leads nowhere then. */
  readonly lane: string;
  /** Its product's, or GENERAL's where nobody has asked whether it may use that. */
  readonly policyLane: Lane;
  readonly isMoreOpen: boolean;
  /** What goes past its lane; it would not start again with these. */
  readonly openings: readonly string[];
  /** By its former lane only: the network follows by itself. */
  readonly isSettling: boolean;
  /** A new pod of the same product would get another lane, or the settings of its lane, which an isolated one lacks. */
  readonly mustRestart: boolean;
  /** It has the lane of the policy by its label alone, since a deadline passed. */
  readonly isIsolated: boolean;
  /** When `policyLane` became the one of its product, where that is known. */
  readonly laneSinceMs: number | undefined;
  /** The later of that and of its creation; one of them where the other is not known. */
  readonly staleSinceMs: number | undefined;
}

export function workspaceLanes(
  { spec: { products } }: WorkspacePlan,
  stamp: string | undefined,
): WorkspaceLanes {
  return {
    stamp,
    lanes: new Map(products.map(({ product, lane }) => [product, lane])),
    sinceMs: new Map(
      products.flatMap(({ product, since }) =>
        since === undefined ? [] : [[product, Date.parse(since)] as const],
      ),
    ),
  };
}

/** By workspace. */
export function lanesOfWorkspaces(
  plans: readonly WorkspacePlan[],
  namespaces: ClusterState['namespaces'],
): ReadonlyMap<string, WorkspaceLanes> {
  const stamps = new Map(namespaces.map(({ name, annotations }) => [name, annotations?.[STAMP_ANNOTATION]]));
  return new Map(
    plans.map((plan) => [plan.metadata.name, workspaceLanes(plan, stamps.get(plan.metadata.name))]),
  );
}

/** Undefined for a pod that is in its lane. */
export function stalePodOf(pod: StampedPod, settings: WorkspaceLanes, atMs: number): StalePod | undefined {
  const planned = plannedOf(pod, settings, atMs);
  const { policyLane } = planned;
  const openings = openingsPast(policyLane, pod.openings);
  const own = openings.length > 0 ? 'full' : pod.lane;
  const lane = mostOpen([own, formerLane(pod, atMs)]) ?? own;
  const isIsolated = pod.isIsolated === true && own === policyLane;
  const mustRestart = isIsolated || (own !== policyLane && !(planned.isAsked && own === planned.general));
  const isOpen = exceeds(lane, policyLane);
  if (!mustRestart && !isOpen) return undefined;
  const isSettling = isOpen && !exceeds(own, policyLane);
  const { laneSinceMs } = planned;
  const staleSinceMs = latest(pod.createdAtMs, laneSinceMs);
  const found = { pod, lane, policyLane, isMoreOpen: isOpen, openings, isSettling, mustRestart };
  return { ...found, isIsolated, laneSinceMs, staleSinceMs };
}

interface Planned {
  readonly policyLane: Lane;
  readonly general: Lane;
  /** Admission asked whether the pod may use its product's lane, which is more open than GENERAL's. */
  readonly isAsked: boolean;
  readonly laneSinceMs: number | undefined;
}

/**
 * Admission gives GENERAL's lane where a product's own is more open, and the pod may not use that product; elsewhere it
 * asks nobody. So a pod that it asked about under the settings of now is as it should be. Of any other one in a lane more
 * open than GENERAL's nobody knows whether a new pod would get that again: GENERAL's is the safe answer. A pod that was
 * isolated into GENERAL's lane retains that answer.
 */
function plannedOf(pod: StampedPod, settings: WorkspaceLanes, atMs: number): Planned {
  const product = productIn(settings, pod);
  const [policyLane, general] = [laneOf(settings, product), laneOf(settings, 'GENERAL')];
  const laneSinceMs = settings.sinceMs?.get(product);
  const own: Planned = { policyLane, general, isAsked: false, laneSinceMs };
  if (!isMoreOpen(policyLane, general)) return own;
  const changedAtMs = latest(laneSinceMs, settings.sinceMs?.get('GENERAL'));
  // Of the lanes of now it gives no other.
  const isGiven = pod.lane === policyLane || pod.lane === general;
  if (isGiven && isAsAdmitted(pod, settings.stamp, changedAtMs)) return { ...own, isAsked: true };
  const isUnasked = isPast(pod, general, atMs) || (pod.isIsolated === true && pod.lane === general);
  return isUnasked ? { ...own, policyLane: general, laneSinceMs: changedAtMs } : own;
}

function laneOf({ lanes }: WorkspaceLanes, product: string): Lane {
  return lanes.get(product) ?? STRICTEST_LANE;
}

function isPast(pod: StampedPod, lane: Lane, atMs: number): boolean {
  const isMore = [pod.lane, formerLane(pod, atMs)].some((one) => exceeds(one, lane));
  return isMore || openingsPast(lane, pod.openings).length > 0;
}

/** Whether it has the lane that admission gave it under the settings of now; where nobody can tell, it has not. */
function isAsAdmitted(
  { moved, isIsolated, stamp, createdAtMs }: StampedPod,
  stampNow: string | undefined,
  changedAtMs: number | undefined,
): boolean {
  if (moved !== undefined || isIsolated === true) return false;
  if (stampNow !== undefined && stampNow === stamp) return true;
  return (
    changedAtMs !== undefined && createdAtMs !== undefined && changedAtMs + TO_ADMISSION_MS < createdAtMs
  );
}

/** When the next pod has settled in its lane, in epoch milliseconds. */
export function nextSettled(pods: readonly StampedPod[], atMs: number): number | undefined {
  const timesMs = pods
    .filter((pod) => isInFormerLane(pod, atMs))
    .map(({ moved }) => moved?.settledAtMs ?? Number.POSITIVE_INFINITY);
  return timesMs.length === 0 ? undefined : timesMs.reduce((a, b) => Math.min(a, b));
}

/** An unknown product is GENERAL. */
function productIn({ lanes }: WorkspaceLanes, { product }: StampedPod): string {
  return lanes.has(product) ? product : 'GENERAL';
}

function exceeds(lane: string, planned: Lane): boolean {
  const known = LANES.find((one) => one === lane);
  return known !== undefined && isMoreOpen(known, planned);
}

/** "" where the network has followed. */
function formerLane(pod: StampedPod, atMs: number): string {
  return isInFormerLane(pod, atMs) ? (pod.moved?.from ?? '') : '';
}

/** One without a node has no network yet. */
function isInFormerLane({ moved, nodeName }: StampedPod, atMs: number): boolean {
  return moved !== undefined && nodeName !== '' && atMs < moved.settledAtMs;
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
