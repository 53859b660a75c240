// Pods that exist when their Namespace becomes a workspace -> the lane that each gets. Before isolation is written running
// ones are exempt; after it those that have not started are held; and where no lane would be true but full, it is full.
import type { Lane } from './lane.ts';
import { isOnHostNetwork, openingsOf, type PodSpec } from './pod-openings.ts';
import { hasStarted, type PodStatus } from './pod-status.ts';
import { EXEMPTED_LANE, HELD_LANE } from './stamp.ts';

export interface FoundPod {
  readonly spec?: PodSpec;
  readonly status?: PodStatus;
}

/** Before anything isolates it. `isolatesAll`: running pods too are isolated, as those without a lane are. */
export function laneBeforeIsolation({ spec = {}, status }: FoundPod, isolatesAll: boolean): Lane | undefined {
  if (isOnHostNetwork(openingsOf(spec))) return EXEMPTED_LANE;
  return !isolatesAll && hasStarted(status) ? EXEMPTED_LANE : undefined;
}

/**
 * Once it is isolated, as a pod without a lane is. One that has started meanwhile stays so: a label is only for those
 * that wait, and those that it makes visible.
 */
export function laneAfterIsolation({ spec = {}, status }: FoundPod): Lane | undefined {
  const openings = openingsOf(spec);
  if (isOnHostNetwork(openings)) return EXEMPTED_LANE;
  return !hasStarted(status) || openings.length > 0 ? HELD_LANE : undefined;
}
