// No pod starts that goes past its lane, through its node: by a policy of its own for pods that were made before their
// Namespace became a workspace and wait at a gate, and as a part of those for new pods and debug containers. Whoever
// waits for a node cannot be stopped, since a Binding does not show the pod: the workspace is not Ready then.
import { OPEN_LANES } from '../../model/lane.ts';
import { HOST_NETWORK } from '../../model/pod-openings.ts';
import { LANE_LABEL } from '../../model/stamp.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, celText } from './cel.ts';
import { containerOpenings, openings } from './openings.ts';
import { POD_STAMP } from './pod-stamp.ts';
import {
  IN_WORKSPACES,
  podRule,
  type Validation,
  type Variable,
  validatingPolicy,
} from './policy-objects.ts';

/** Over those of POD_STAMP. */
export const OPENINGS: readonly Variable[] = [{ name: 'openings', expression: openings('object') }];

/** Over those of DEBUG_CONTAINERS; by the lane that the pod has, and one without a lane is isolated. */
export const DEBUG_OPENINGS: readonly Variable[] = [
  { name: 'lane', expression: `string(oldObject.metadata.?labels[?${celText(LANE_LABEL)}].orValue(''))` },
  { name: 'openings', expression: containerOpenings('variables.added') },
];

export const STAYS_IN_LANE = staysInLane('start a pod');
export const DEBUG_STAYS_IN_LANE = staysInLane('add a debug container to pod "{object.metadata.name}"');

/** Where a workspace is not ready yet its lane is the strictest one. `others` are what else no new pod may be. */
export function keepAtGates(others: readonly Validation[]): readonly JsonObject[] {
  const names = (object: string): string => `${object}.spec.?schedulingGates.orValue([]).map(g, g.name)`;
  return validatingPolicy({
    name: 'gates',
    rules: [podRule('UPDATE')],
    namespaceSelector: IN_WORKSPACES,
    matchCondition: `${names('oldObject')} != ${names('object')}`,
    variables: [...POD_STAMP, ...OPENINGS],
    validations: [...staysInLane('remove a scheduling gate of pod "{object.metadata.name}"'), ...others],
  });
}

/**
 * As openingsPast() of model/pod-openings.ts. Two, since a message cannot speak of the lane: it may depend on what the
 * authorizer says, who answers no messages.
 */
function staysInLane(what: string): readonly Validation[] {
  const message = (which: string): string =>
    celMessage(
      `Cannot ${what} with ${which} in workspace "{request.namespace}": that goes past its lane, through the node. Leave it out, or run the pod in a Namespace that is no workspace`,
    );
  return [
    {
      expression: `size(variables.openings) == 0 || variables.lane in ${celList(OPEN_LANES)}`,
      message: message(`{variables.openings.join(', ')}`),
    },
    {
      expression: `!(${celText(HOST_NETWORK)} in variables.openings) || variables.lane == 'full'`,
      message: message(HOST_NETWORK),
    },
  ];
}
