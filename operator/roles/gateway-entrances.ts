// In a cluster: one entrance per workspace and lane, on the port that the operator chose. Isolation and the gateway's
// own rules see to it that only that workspace's pods of that lane come in there.
import { isGuarded } from '../model/product.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import type { Entrance } from '../render/envoy/envoy-config.ts';

export function laneEntrances(plans: readonly WorkspacePlan[], address: string): readonly Entrance[] {
  return plans.flatMap(({ metadata: { name: workspace }, spec }) =>
    (spec.lanes ?? []).flatMap(({ lane, firstPort: port }) => {
      if (!isGuarded(lane)) return [];
      const { workspaceId, networkPolicyId, table } = spec;
      const name = laneEntranceName(workspace, lane);
      return [{ name, workspace, workspaceId, lane, networkPolicyId, table, address, port }];
    }),
  );
}

/** With a dot, which no Namespace has: "a" in "sealed-dry-run" is not "a-sealed" in "dry-run". */
function laneEntranceName(workspace: string, lane: string): string {
  return `proxy-${workspace}.${lane}`;
}
