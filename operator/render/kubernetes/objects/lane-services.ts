// A lane of a workspace -> the Service by which its pods find the gateways, and its EndpointSlices. Without a selector:
// the controller-manager would take minutes to follow a gateway over thousands of Services.
import { laneServiceName } from '../../../compile/lane-service-name.ts';
import type { ClusterState, GatewayPod } from '../../../model/cluster-state.ts';
import { LANE_PORTS, type LanePort } from '../../../model/lane-port.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { type ClusterSettings, type DesiredObject, workspaceLabels } from './desired-object.ts';

type PlanLane = NonNullable<WorkspacePlan['spec']['lanes']>[number];

const FAMILIES = [
  { addressType: 'IPv4', suffix: 'ipv4' },
  { addressType: 'IPv6', suffix: 'ipv6' },
] as const;
/** As many as the API server takes in one slice. */
const MAX_ENDPOINTS = 1000;

interface Endpoint {
  readonly addresses: readonly [string];
  readonly conditions: { readonly ready: true };
}

/** The same for every lane: addresses of ready gateways, by address family. */
export type GatewayEndpoints = Readonly<
  Record<(typeof FAMILIES)[number]['addressType'], readonly Endpoint[]>
>;

export interface LaneSurroundings {
  readonly serviceAddresses: ClusterState['serviceAddresses'];
  readonly endpoints: GatewayEndpoints;
  readonly settings: ClusterSettings;
}

export function gatewayEndpoints(pods: readonly GatewayPod[]): GatewayEndpoints {
  const addresses = pods.filter(({ isReady }) => isReady).map((pod) => pod.addresses);
  const endpointsOf = (isFamily: (address: string) => boolean): readonly Endpoint[] =>
    addresses
      .flatMap((own) => own.find(isFamily) ?? [])
      .toSorted()
      .slice(0, MAX_ENDPOINTS)
      .map((address) => ({ addresses: [address], conditions: { ready: true } }));
  return {
    IPv4: endpointsOf((address) => !address.includes(':')),
    IPv6: endpointsOf((address) => address.includes(':')),
  };
}

export function laneServices(plan: WorkspacePlan, around: LaneSurroundings): readonly DesiredObject[] {
  return (plan.spec.lanes ?? []).flatMap((lane) => {
    const name = laneServiceName(plan.metadata.name, lane.lane);
    const metadata = metadataOf(name, plan, around.settings);
    return [service(metadata, lane, around), ...endpointSlices(metadata, lane, around)];
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
      ports: portsOf(lane).map(({ name, protocol, port, offset }) => ({
        name,
        protocol,
        port,
        targetPort: lane.firstPort + offset,
      })),
    },
  };
}

function endpointSlices(
  { name: serviceName, namespace, labels }: Metadata,
  lane: PlanLane,
  { endpoints }: LaneSurroundings,
): readonly DesiredObject[] {
  const served = FAMILIES.filter(({ addressType }) => endpoints[addressType].length > 0);
  return served.map(({ addressType, suffix }) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName}-${suffix}`,
      namespace,
      labels: {
        ...labels,
        'kubernetes.io/service-name': serviceName,
        'endpointslice.kubernetes.io/managed-by': 'sallyport.dev',
      },
    },
    addressType,
    endpoints: endpoints[addressType],
    ports: portsOf(lane).map(({ name, protocol, offset }) => ({
      name,
      protocol,
      port: lane.firstPort + offset,
    })),
  }));
}

/** Those of every lane, and the further TLS ports of this one. */
function portsOf({ tlsPorts = [] }: PlanLane): readonly LanePort[] {
  const further = tlsPorts.map(
    ({ port, offset }) => ({ name: `tls-${port}`, protocol: 'TCP', port, offset }) as const,
  );
  return [...LANE_PORTS, ...further];
}

function metadataOf(name: string, plan: WorkspacePlan, settings: ClusterSettings) {
  return { name, namespace: settings.systemNamespace, labels: workspaceLabels(plan.metadata.name) };
}
