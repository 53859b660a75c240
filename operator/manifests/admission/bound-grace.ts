// No pod of a workspace may take longer to end than gateways can wait for its place: the scheduler, which preempts it for
// one of them, waits as long as the pod's grace period. A probe's takes the place of the pod's when it ends a container.
import { LONGEST_GRACE_SECONDS } from '../../model/limits.ts';
import { celMessage } from './cel.ts';
import type { Validation } from './policy-objects.ts';

const WHY = `a gateway that needs its place could have to wait that long. Use ${LONGEST_GRACE_SECONDS} or less`;

const CONTAINERS = ['containers', 'initContainers'].map((list) => `object.spec.?${list}.orValue([])`);
const PROBES = ['livenessProbe', 'startupProbe'];

const IS_BOUNDED = CONTAINERS.flatMap((list) =>
  PROBES.map(
    (probe) =>
      `${list}.all(c, c.?${probe}.?terminationGracePeriodSeconds.orValue(0) <= ${LONGEST_GRACE_SECONDS})`,
  ),
).join(' && ');

/** Of new pods, and of those that leave a gate. */
export const ENDS_IN_TIME: readonly Validation[] = [
  {
    expression: `object.spec.?terminationGracePeriodSeconds.orValue(0) <= ${LONGEST_GRACE_SECONDS}`,
    message: celMessage(
      `Cannot start a pod with terminationGracePeriodSeconds {string(object.spec.terminationGracePeriodSeconds)} in workspace "{request.namespace}": ${WHY}`,
    ),
  },
  {
    expression: `(${IS_BOUNDED})`,
    message: celMessage(
      `Cannot start a pod with a terminationGracePeriodSeconds of more than ${LONGEST_GRACE_SECONDS} in a livenessProbe or startupProbe in workspace "{request.namespace}": ${WHY}`,
    ),
  },
];
