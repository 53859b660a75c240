// A lane of a workspace -> the Service by which its pods find the gateways. Without a selector: the controller-manager
// would take minutes to follow a gateway over thousands of Services. The gateways write the EndpointSlices themselves.
import { laneServiceName } from '../../../compile/lane-service-name.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { LANE_PORTS, type LanePort } from '../../../model/lane-port.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { type ClusterSettings, type DesiredObject, workspaceLabels } from './desired-object.ts';

export type PlanLane = NonNullable<WorkspacePlan['spec']['lanes']>[number];

export interface LaneSurroundings {
  readonly serviceAddresses: ClusterState['serviceAddresses'];
  readonly settings: ClusterSettings;
}

export function laneServices(plan: WorkspacePlan, around: LaneSurroundings): readonly DesiredObject[] {
  return (plan.spec.lanes ?? []).flatMap((lane) => {
    const name = laneServiceName(plan.metadata.name, lane.lane);
    return [service(metadataOf(name, plan, around.settings), lane, around)];
  });
}

type Metadata = ReturnType<typeof metadataOf>;

function service(metadata: Metadata, lane: PlanLane, { serviceAddresses }: LaneSurroundings): DesiredObject {
  // Pods use the address, so a deleted Service is created again with the same one. It cannot be set later.
  const [first] = serviceAddresses.has(metadata.name) ? [] : (lane.serviceAddresses ?? []);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      type: 'ClusterIP',
      ...(first === undefined ? {} : { clusterIP: first, clusterIPs: lane.serviceAddresses }),
      ipFamilyPolicy: 'PreferDualStack',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: lanePorts(lane).map(({ name, protocol, port, offset }) => ({
        name,
        protocol,
        port,
        targetPort: lane.firstPort + offset,
      })),
    },
  };
}

/** Those of every lane, and the further TLS ports of this one. */
export function lanePorts({ tlsPorts = [] }: PlanLane): readonly LanePort[] {
  const further = tlsPorts.map(
    ({ port, offset }) => ({ name: `tls-${port}`, protocol: 'TCP', port, offset }) as const,
  );
  return [...LANE_PORTS, ...further];
}

function metadataOf(name: string, plan: WorkspacePlan, settings: ClusterSettings) {
  return { name, namespace: settings.systemNamespace, labels: workspaceLabels(plan.metadata.name) };
}
