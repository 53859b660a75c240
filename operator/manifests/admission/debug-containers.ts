// CEL variables about the debug containers that join a running pod: they get the proxy variables that its first
// container has, since the settings of its Namespace may have changed since it started.
import { LANE_LABEL, RESERVED_VARIABLES } from '../../model/stamp.ts';
import { celList, celText } from './cel.ts';
import type { Variable } from './policy-objects.ts';

export const DEBUG_CONTAINERS: readonly Variable[] = [
  { name: 'reserved', expression: celList(RESERVED_VARIABLES) },
  {
    name: 'isInLane',
    expression: `oldObject.metadata.?labels[?${celText(LANE_LABEL)}].orValue('full') != 'full'`,
  },
  {
    name: 'podEnvironment',
    expression: 'object.spec.containers[0].?env.orValue([]).filter(e, e.name in variables.reserved)',
  },
  { name: 'old', expression: 'oldObject.spec.?ephemeralContainers.orValue([]).map(c, c.name)' },
  { name: 'all', expression: 'object.spec.?ephemeralContainers.orValue([])' },
];
