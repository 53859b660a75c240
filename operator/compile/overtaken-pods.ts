// Pods that were stamped under settings that are no longer in force, and have not started since: a pod that waits for a
// node would otherwise start in dry-run hours after enforcement was switched on. In: pods, and stored Namespaces, with
// the lanes that admission gives now. Out: the pods that need a stricter lane, and which.
import type { ClusterState, StampedPod } from '../model/cluster-state.ts';
import { isKnownLane, type Lane } from '../model/lane.ts';
import { isOnHostNetwork } from '../model/pod-openings.ts';
import type { Product } from '../model/product.ts';
import {
  DEFAULT_LANE_ANNOTATION,
  isMoreOpen,
  laneAnnotation,
  STAMP_ANNOTATION,
  STRICTEST_LANE,
} from '../model/stamp.ts';

export interface OvertakenPod {
  readonly pod: StampedPod;
  /** The one that it has is more open. */
  readonly lane: Lane;
}

export function overtakenPods({ namespaces, pods }: ClusterState): readonly OvertakenPod[] {
  const annotations = new Map(namespaces.map((namespace) => [namespace.name, namespace.annotations ?? {}]));
  return pods.flatMap((pod) => {
    const settings = annotations.get(pod.namespace) ?? {};
    const stamp = settings[STAMP_ANNOTATION];
    if (pod.hasStarted || stamp === undefined || stamp === pod.stamp || !isKnownLane(pod.lane)) return [];
    // A stricter lane would be a lie.
    if (isOnHostNetwork(pod.openings)) return [];
    const lane = laneInForce(settings, pod.product);
    return isMoreOpen(pod.lane, lane) ? [{ pod, lane }] : [];
  });
}

/**
 * Only admission can check whether the pod may take a lane of its product that is more open than GENERAL's. So such a
 * pod falls back to GENERAL's here: it may lose a granted lane, and never retains one that was not granted.
 */
function laneInForce(settings: Readonly<Record<string, string>>, product: string): Lane {
  const laneOf = (annotation: string): Lane => {
    const lane = settings[annotation] ?? settings[DEFAULT_LANE_ANNOTATION] ?? '';
    return isKnownLane(lane) ? lane : STRICTEST_LANE;
  };
  const general = laneOf(laneAnnotation('GENERAL'));
  const own = laneOf(laneAnnotation(product as Product));
  return isMoreOpen(own, general) ? general : own;
}
