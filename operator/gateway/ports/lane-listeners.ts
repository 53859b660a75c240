// In a cluster: one egress listener per workspace and lane, on the port that the operator chose. Isolation and the
// gateway's ingress rules allow only that workspace's pods of that lane.
import { leadsThroughGateway } from '../../model/lane.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';

interface Known {
  readonly address: string;
  readonly egressListeners: readonly EgressListener[];
}

/** Egress listeners of a plan that has not changed stay the very same objects, and need not be rendered again. */
const known = new WeakMap<WorkspacePlan, Known>();

export function laneListeners(plans: readonly WorkspacePlan[], address: string): readonly EgressListener[] {
  return plans.flatMap((plan) => {
    const before = known.get(plan);
    if (before?.address === address) return before.egressListeners;
    const egressListeners = egressListenersOf(plan, address);
    known.set(plan, { address, egressListeners });
    return egressListeners;
  });
}

function egressListenersOf({ metadata, spec }: WorkspacePlan, address: string): readonly EgressListener[] {
  const { name: workspace } = metadata;
  const { workspaceId, networkPolicyId, table } = spec;
  return (spec.lanes ?? []).flatMap(({ lane, firstPort: port, tlsPorts = [] }) =>
    leadsThroughGateway(lane)
      ? [
          {
            name: laneName(workspace, lane),
            workspace,
            workspaceId,
            lane,
            networkPolicyId,
            table,
            address,
            port,
            tlsPorts,
          },
        ]
      : [],
  );
}

/** With a dot, which no Namespace has: "a" in "sealed-dry-run" is not "a-sealed" in "dry-run". */
function laneName(workspace: string, lane: string): string {
  return `${workspace}.${lane}`;
}
