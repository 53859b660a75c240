// Pods that exist when their Namespace becomes a workspace -> the lane that each is in from then on. Running ones are
// exempt; those that have not started are held; and where no lane would be true but full, it is full.
import type { Lane } from './lane.ts';
import { isOnHostNetwork, openingsOf, type PodSpec } from './pod-openings.ts';
import { hasStarted, type PodStatus } from './pod-status.ts';
import { EXEMPTED_LANE, HELD_LANE } from './stamp.ts';

export interface FoundPod {
  readonly spec?: PodSpec;
  readonly status?: PodStatus;
}

/**
 * `isolatesAll`: running pods too are isolated, as those without a lane are. A label is only for those that it makes
 * visible then, so undefined means none.
 */
export function laneOfFound({ spec = {}, status }: FoundPod, isolatesAll: boolean): Lane | undefined {
  const openings = openingsOf(spec);
  if (isOnHostNetwork(openings)) return EXEMPTED_LANE;
  if (isolatesAll) return openings.length > 0 ? HELD_LANE : undefined;
  return hasStarted(status) ? EXEMPTED_LANE : HELD_LANE;
}
