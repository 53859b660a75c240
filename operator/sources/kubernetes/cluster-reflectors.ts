// One reflector for each kind, and each selection of it, that the operator reads.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import {
  CALLER_REPORTS,
  type ClusterResource,
  EGRESS_TABLES,
  ENDPOINT_SLICES,
  GATEWAY_REPORTS,
  INGRESS_PLANS,
  INPUT_RESOURCES,
  KUBE_NETWORK_POLICIES,
  NAMESPACES,
  PODS,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
import type { GatewayPod, StampedPod } from '../../model/cluster-state.ts';
import { LANE_LABEL } from '../../model/stamp.ts';
import {
  GATEWAY_LABEL,
  GATEWAY_NAME,
  INGRESS_NAME,
  INGRESS_TLS_ROLE,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../model/system-names.ts';
import { type ParsedItem, parsedItem } from './parsed-item.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { gatewayPodOf, stampedPodOf, trimObject } from './trim.ts';

type Shared = Pick<ReflectorOptions<unknown>, 'api' | 'onChange' | 'onFailure'>;
type Selection = Partial<Pick<ReflectorOptions<unknown>, 'namespace' | 'labelSelector' | 'fieldSelector'>>;

export interface ClusterReflectorsOptions extends Shared {
  /** Namespace of the gateways and the compiled objects. */
  readonly systemNamespace: string;
  /** Namespace of canary pods, where there are any. */
  readonly canaryNamespace: string | undefined;
  /** A gateway or the API reported; mostly without a change. */
  readonly onReport: () => void;
}

export type ClusterReflectors = ReturnType<typeof clusterReflectors>;

export function clusterReflectors(options: ClusterReflectorsOptions) {
  const { systemNamespace: namespace, canaryNamespace, onReport, ...shared } = options;
  const objects = (resource: ClusterResource, selection: Selection = {}, onChange = shared.onChange) =>
    new Reflector<KubernetesObject>({ ...shared, ...selection, resource, onChange, transform: trimObject });
  const owned = { namespace, labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` };
  const gatewayPods = (name: string) =>
    new Reflector<GatewayPod>({
      ...{ ...shared, namespace, labelSelector: `${GATEWAY_LABEL}=${name}` },
      ...{ resource: PODS, transform: gatewayPodOf },
    });
  const api = { namespace: 'default' };
  // The operator may read those of that name only.
  const ingressTls = { fieldSelector: `metadata.name=${INGRESS_TLS_ROLE}` };
  const input = (resource: ClusterResource) =>
    new Reflector<ParsedItem>({ ...shared, resource, transform: parsedItem });
  const namespaces = new Reflector<ParsedItem>({
    ...{ ...shared, resource: NAMESPACES },
    transform: (raw) => namespaceItem(raw, [namespace, canaryNamespace]),
  });
  return {
    namespaces,
    /** What people write, Namespaces among it. */
    inputs: [namespaces, ...INPUT_RESOURCES.map(input)],
    pods: new Reflector<StampedPod>({
      ...shared,
      resource: PODS,
      labelSelector: LANE_LABEL,
      transform: stampedPodOf,
    }),
    gatewayPods: gatewayPods(GATEWAY_NAME),
    ingressPods: gatewayPods(INGRESS_NAME),
    reports: objects(GATEWAY_REPORTS, { namespace }, onReport),
    callerReports: objects(CALLER_REPORTS, { namespace }, onReport),
    policies: objects(KUBE_NETWORK_POLICIES),
    tables: objects(EGRESS_TABLES, owned),
    plans: objects(WORKSPACE_PLANS, owned),
    ingressPlans: objects(INGRESS_PLANS, owned),
    roles: objects(ROLES, ingressTls),
    roleBindings: objects(ROLE_BINDINGS, ingressTls),
    services: objects(SERVICES, owned),
    apiServices: objects(SERVICES, { ...api, fieldSelector: 'metadata.name=kubernetes' }),
    apiSlices: objects(ENDPOINT_SLICES, { ...api, labelSelector: 'kubernetes.io/service-name=kubernetes' }),
  };
}

/** The installation's own are no workspaces, whatever their labels say: isolation would cut off gateways and canaries. */
function namespaceItem(raw: KubernetesObject, own: readonly (string | undefined)[]): ParsedItem {
  const item = parsedItem(raw);
  return own.includes(raw.metadata.name) ? { ...item, parsed: { status: 'foreign' } } : item;
}
