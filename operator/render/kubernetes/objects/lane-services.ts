// A lane of a workspace -> the Service by which its pods find the gateways, and its EndpointSlices. Without a selector:
// the controller-manager would take minutes to follow a gateway over thousands of Services.
import { laneServiceName } from '../../../compile/lane-service-name.ts';
import type { ClusterState, GatewayPod } from '../../../model/cluster-state.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { type ClusterSettings, type DesiredObject, workspaceLabels } from './desired-object.ts';
import { LANE_PORTS } from './lane-ports.ts';

type PlanLane = NonNullable<WorkspacePlan['spec']['lanes']>[number];

const FAMILIES = [
  { addressType: 'IPv4', suffix: 'ipv4' },
  { addressType: 'IPv6', suffix: 'ipv6' },
] as const;
/** As many as the API server takes in one slice. */
const MAX_ENDPOINTS = 1000;

export function laneServices(
  plan: WorkspacePlan,
  state: ClusterState,
  settings: ClusterSettings,
): readonly DesiredObject[] {
  return (plan.spec.lanes ?? []).flatMap((lane) => {
    const name = laneServiceName(plan.metadata.name, lane.lane);
    return [
      service(name, plan, lane, { state, settings }),
      ...FAMILIES.flatMap((family) => endpointSlice(name, plan, lane, { state, settings, family })),
    ];
  });
}

interface Around {
  readonly state: ClusterState;
  readonly settings: ClusterSettings;
}

function service(
  name: string,
  plan: WorkspacePlan,
  lane: PlanLane,
  { state, settings }: Around,
): DesiredObject {
  // Pods know the address, so a Service that was deleted asks for the one that it had. It cannot be asked for later.
  const [first] = state.serviceAddresses.has(name) ? [] : (lane.serviceAddresses ?? []);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(name, plan, settings),
    spec: {
      type: 'ClusterIP',
      ...(first === undefined ? {} : { clusterIP: first, clusterIPs: lane.serviceAddresses }),
      ipFamilyPolicy: 'PreferDualStack',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: LANE_PORTS.map(({ name: portName, protocol, port, offset }) => ({
        name: portName,
        protocol,
        port,
        targetPort: lane.firstPort + offset,
      })),
    },
  };
}

function endpointSlice(
  serviceName: string,
  plan: WorkspacePlan,
  lane: PlanLane,
  { state, settings, family }: Around & { readonly family: (typeof FAMILIES)[number] },
): readonly DesiredObject[] {
  const addresses = state.gatewayPods
    .filter(({ isReady }) => isReady)
    .flatMap((pod) => addressOf(pod, family.addressType) ?? [])
    .toSorted();
  if (addresses.length === 0) return [];
  const metadata = metadataOf(`${serviceName}-${family.suffix}`, plan, settings);
  return [
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        ...metadata,
        labels: {
          ...metadata.labels,
          'kubernetes.io/service-name': serviceName,
          'endpointslice.kubernetes.io/managed-by': 'sallyport.dev',
        },
      },
      addressType: family.addressType,
      endpoints: addresses
        .slice(0, MAX_ENDPOINTS)
        .map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: LANE_PORTS.map(({ name, protocol, offset }) => ({
        name,
        protocol,
        port: lane.firstPort + offset,
      })),
    },
  ];
}

function addressOf({ addresses }: GatewayPod, family: 'IPv4' | 'IPv6'): string | undefined {
  return addresses.find((address) => address.includes(':') === (family === 'IPv6'));
}

function metadataOf(name: string, plan: WorkspacePlan, settings: ClusterSettings) {
  return { name, namespace: settings.systemNamespace, labels: workspaceLabels(plan.metadata.name) };
}
