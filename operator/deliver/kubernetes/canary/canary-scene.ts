// The observed cluster -> the nodes that are to be measured, and what canaries try there: one target that their
// KubeNetworkPolicy allows, and others that it denies and that are open to every pod where nobody enforces it.
import { formatHostPort } from '../../../lib/host-port.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { isIsolated } from '../../../model/lane.ts';
import { compareText } from '../../../model/snapshot.ts';
import { CANARY_NAME, GATEWAY_HEALTH_PORT, GATEWAY_NAME } from '../../../model/system-names.ts';

export interface CanaryScene {
  /** With pods of isolated lanes. */
  readonly nodes: readonly string[];
  readonly targets: CanaryTargets | { readonly obstacle: string };
}

export interface CanaryTargets {
  readonly allowed: readonly CanaryTarget[];
  readonly denied: readonly CanaryTarget[];
}

interface CanaryTarget {
  /** "10.96.0.1:443". */
  readonly place: string;
  /** "the API server". */
  readonly name: string;
}

export interface SceneSettings {
  /** Of the canaries. */
  readonly namespace: string;
  /** Of this operator's health checks; undefined where it does not run in a pod. */
  readonly operatorAddress: string | undefined;
  readonly operatorPort: number;
}

export function canaryScene(state: ClusterState, settings: SceneSettings): CanaryScene {
  const isolated = state.pods.filter(({ lane, nodeName }) => nodeName !== '' && isIsolated(lane));
  const nodes = [...new Set(isolated.map(({ nodeName }) => nodeName))].toSorted(compareText);
  return { nodes, targets: targetsOf(state, settings) };
}

function targetsOf(
  { gatewayPods, apiServer, tenantPolicies }: ClusterState,
  { namespace, operatorAddress, operatorPort }: SceneSettings,
): CanaryScene['targets'] {
  const isPolicy = tenantPolicies.some(
    ({ apiVersion, kind, name, namespace: home }) =>
      apiVersion === 'networking.k8s.io/v1' &&
      kind === 'NetworkPolicy' &&
      name === CANARY_NAME &&
      home === namespace,
  );
  if (!isPolicy) {
    return {
      obstacle: `Nothing restricts canary pods, since KubeNetworkPolicy "${CANARY_NAME}" is not in Namespace "${namespace}": install it again`,
    };
  }
  const gateway = gatewayPods
    .filter(({ isReady, addresses }) => isReady && addresses.length > 0)
    .toSorted((a, b) => compareText(a.name, b.name))[0];
  if (gateway === undefined) {
    const remedy = `see why Deployment "${GATEWAY_NAME}" has no ready pod`;
    return { obstacle: `No gateway is ready, and a gateway is what canary pods may reach: ${remedy}` };
  }
  const [server] = apiServer.serviceAddresses;
  const [port] = apiServer.servicePorts;
  if (server === undefined || port === undefined) {
    return { obstacle: 'Service "kubernetes" in Namespace "default" has no address or no port' };
  }
  const target = (name: string, address: string, at: number): CanaryTarget => ({
    place: formatHostPort(address, at),
    name,
  });
  return {
    allowed: [target(`gateway "${gateway.name}"`, gateway.addresses[0] ?? '', GATEWAY_HEALTH_PORT)],
    denied: [
      target('the API server', server, port),
      ...(operatorAddress === undefined ? [] : [target('the operator', operatorAddress, operatorPort)]),
    ],
  };
}
