// In a cluster: one egress listener per workspace and lane, on the port that the operator chose. Isolation and the
// gateway's ingress rules allow only that workspace's pods of that lane.
import { memoize } from '../../lib/memo.ts';
import { leadsThroughGateway } from '../../model/lane.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { EgressListener } from '../../render/envoy/envoy-config.ts';

export function laneListeners(plans: readonly WorkspacePlan[], address: string): readonly EgressListener[] {
  return plans.flatMap((plan) => listenersOf(plan, address));
}

/** Those of a plan that has not changed need not be rendered again. */
const listenersOf = memoize(
  ({ metadata, spec }: WorkspacePlan, address: string): readonly EgressListener[] => {
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
  },
);

/** With a dot, which no Namespace has: "a" in "sealed-dry-run" is not "a-sealed" in "dry-run". */
function laneName(workspace: string, lane: string): string {
  return `${workspace}.${lane}`;
}
