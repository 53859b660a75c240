// A lane of a workspace and the gateways that serve -> the EndpointSlices of its Service, one for each address family. None
// where no gateway does: connections are refused at once then, where they would wait for an address that nobody has any
// more.
import { laneServiceName } from '../../../compile/lane-service-name.ts';
import type { PoolMember, Serving } from '../../../model/cluster-state.ts';
import { compareText } from '../../../model/snapshot.ts';
import { SERVICE_NAME_LABEL, SLICE_MANAGER, SLICE_MANAGER_LABEL } from '../../../model/system-names.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { type DesiredObject, workspaceLabels } from './desired-object.ts';
import { lanePorts, type PlanLane } from './lane-services.ts';

const FAMILIES = [
  { addressType: 'IPv4', suffix: 'ipv4' },
  { addressType: 'IPv6', suffix: 'ipv6' },
] as const;
/** As many as the API server takes in one slice. */
const MAX_ENDPOINTS = 1000;

interface Endpoint {
  readonly addresses: readonly [string];
  readonly conditions: Readonly<Record<string, boolean>>;
}

/** Packets of connections that a gateway has still go there while it drains, also where a network plugin balances them. */
const CONDITIONS: Readonly<Record<Exclude<Serving, 'none'>, Endpoint['conditions']>> = {
  new: { ready: true },
  existing: { ready: false, serving: true, terminating: true },
};

/** The same for every lane: addresses of gateways that serve, by address family. */
export type GatewayEndpoints = Readonly<
  Record<(typeof FAMILIES)[number]['addressType'], readonly Endpoint[]>
>;

export function gatewayEndpoints(
  pods: readonly Pick<PoolMember, 'addresses' | 'serving'>[],
): GatewayEndpoints {
  const endpointsOf = (isFamily: (address: string) => boolean): readonly Endpoint[] =>
    pods
      .flatMap(({ addresses, serving }) => {
        const address = addresses.find(isFamily);
        return address === undefined || serving === 'none' ? [] : [{ address, serving }];
      })
      .toSorted((one, other) => compareText(one.address, other.address))
      .slice(0, MAX_ENDPOINTS)
      .map(({ address, serving }) => ({ addresses: [address], conditions: CONDITIONS[serving] }));
  return {
    IPv4: endpointsOf((address) => !address.includes(':')),
    IPv6: endpointsOf((address) => address.includes(':')),
  };
}

/** Of all lanes of a workspace. */
export function laneEndpoints(
  plan: WorkspacePlan,
  endpoints: GatewayEndpoints,
  systemNamespace: string,
): readonly DesiredObject[] {
  const served = FAMILIES.filter(({ addressType }) => endpoints[addressType].length > 0);
  return (plan.spec.lanes ?? []).flatMap((lane) =>
    served.map(({ addressType, suffix }) => {
      const serviceName = laneServiceName(plan.metadata.name, lane.lane);
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${serviceName}-${suffix}`,
          namespace: systemNamespace,
          labels: {
            ...workspaceLabels(plan.metadata.name),
            [SERVICE_NAME_LABEL]: serviceName,
            [SLICE_MANAGER_LABEL]: SLICE_MANAGER,
          },
        },
        addressType,
        endpoints: endpoints[addressType],
        ports: endpointPorts(lane),
      };
    }),
  );
}

function endpointPorts(lane: PlanLane) {
  return lanePorts(lane).map(({ name, protocol, offset }) => ({
    name,
    protocol,
    port: lane.firstPort + offset,
  }));
}
