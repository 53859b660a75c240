// The kinds that the operator reads or writes, and where the API server keeps them. One list for sources, delivery and
// RBAC; ours follow from their descriptions.
import { callerReportKind } from './caller-report.ts';
import { egressTableKind } from './egress-table.ts';
import { gatewayReportKind } from './gateway-report.ts';
import { ingressPlanKind } from './ingress-plan.ts';
import { ipAccessListKind } from './ip-access-list.ts';
import { API_VERSION, type KindDescription } from './kubernetes-object.ts';
import { metastoreKind } from './metastore.ts';
import { networkPolicyKind } from './network-policy.ts';
import { policyAssignmentKind } from './policy-assignment.ts';
import { privateEndpointKind } from './private-endpoint.ts';
import { workspaceConfKind } from './workspace-conf.ts';
import { workspacePlanKind } from './workspace-plan.ts';

/** As lib/kubernetes knows it. */
export interface ClusterResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

function ours({ kind, plural, scope }: KindDescription): ClusterResource {
  return { apiVersion: API_VERSION, kind, plural, isNamespaced: scope === 'Namespaced' };
}

function builtIn(apiVersion: string, kind: string, plural: string, isNamespaced = true): ClusterResource {
  return { apiVersion, kind, plural, isNamespaced };
}

export const NETWORK_POLICIES = ours(networkPolicyKind);
export const POLICY_ASSIGNMENTS = ours(policyAssignmentKind);
export const WORKSPACE_CONFS = ours(workspaceConfKind);
export const IP_ACCESS_LISTS = ours(ipAccessListKind);

/** Kinds that people write. */
export const INPUT_RESOURCES: readonly ClusterResource[] = [
  NETWORK_POLICIES,
  POLICY_ASSIGNMENTS,
  ours(metastoreKind),
  ours(privateEndpointKind),
  WORKSPACE_CONFS,
  IP_ACCESS_LISTS,
];

export const EGRESS_TABLES = ours(egressTableKind);
export const WORKSPACE_PLANS = ours(workspacePlanKind);
export const INGRESS_PLANS = ours(ingressPlanKind);
export const GATEWAY_REPORTS = ours(gatewayReportKind);
export const CALLER_REPORTS = ours(callerReportKind);

export const NAMESPACES = builtIn('v1', 'Namespace', 'namespaces', false);
export const PODS = builtIn('v1', 'Pod', 'pods');
export const SERVICES = builtIn('v1', 'Service', 'services');
export const CONFIG_MAPS = builtIn('v1', 'ConfigMap', 'configmaps');
export const TOKEN_REVIEWS = builtIn('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', false);
export const SUBJECT_ACCESS_REVIEWS = builtIn(
  'authorization.k8s.io/v1',
  'SubjectAccessReview',
  'subjectaccessreviews',
  false,
);
/** ConfigMap in which the API server says by which authority it knows people with client certificates. */
export const CLIENT_AUTHORITY = {
  namespace: 'kube-system',
  name: 'extension-apiserver-authentication',
  key: 'client-ca-file',
} as const;
export const SECRETS = builtIn('v1', 'Secret', 'secrets');
/** Who holds which address of the cluster's Services; the API server's own book. */
export const IP_ADDRESSES = builtIn('networking.k8s.io/v1', 'IPAddress', 'ipaddresses', false);
export const ENDPOINT_SLICES = builtIn('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices');
/** Kubernetes' own NetworkPolicy, which this project calls KubeNetworkPolicy. */
export const KUBE_NETWORK_POLICIES = builtIn('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies');
export const LEASES = builtIn('coordination.k8s.io/v1', 'Lease', 'leases');
const RBAC = 'rbac.authorization.k8s.io/v1';
export const ROLES = builtIn(RBAC, 'Role', 'roles');
export const ROLE_BINDINGS = builtIn(RBAC, 'RoleBinding', 'rolebindings');

/**
 * Rules that can allow more than Kubernetes' own: of network plugins, and of administrators. Read where they are
 * served. Not among them are those that come after Kubernetes' own (BaselineAdminNetworkPolicy) or only take away from
 * it.
 */
export const PLUGIN_POLICIES: readonly ClusterResource[] = [
  builtIn('cilium.io/v2', 'CiliumNetworkPolicy', 'ciliumnetworkpolicies'),
  builtIn('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', 'ciliumclusterwidenetworkpolicies', false),
  builtIn('crd.projectcalico.org/v1', 'NetworkPolicy', 'networkpolicies'),
  builtIn('crd.projectcalico.org/v1', 'GlobalNetworkPolicy', 'globalnetworkpolicies', false),
  builtIn('projectcalico.org/v3', 'NetworkPolicy', 'networkpolicies'),
  builtIn('projectcalico.org/v3', 'GlobalNetworkPolicy', 'globalnetworkpolicies', false),
  builtIn('crd.antrea.io/v1beta1', 'NetworkPolicy', 'networkpolicies'),
  builtIn('crd.antrea.io/v1beta1', 'ClusterNetworkPolicy', 'clusternetworkpolicies', false),
  builtIn('policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', 'adminnetworkpolicies', false),
  builtIn('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', 'clusternetworkpolicies', false),
];

/** Kinds of which the operator writes objects. */
export const WRITTEN_RESOURCES: readonly ClusterResource[] = [
  ...INPUT_RESOURCES,
  EGRESS_TABLES,
  WORKSPACE_PLANS,
  INGRESS_PLANS,
  NAMESPACES,
  SERVICES,
  KUBE_NETWORK_POLICIES,
  ROLES,
  ROLE_BINDINGS,
];

/** Kinds whose objects go with an installation where they carry our label; assignments carry it, and are people's. */
export const REMOVED_EVERYWHERE: readonly ClusterResource[] = [KUBE_NETWORK_POLICIES];
/** The same, in the system Namespace only. */
export const REMOVED_AT_HOME: readonly ClusterResource[] = [
  SERVICES,
  ENDPOINT_SLICES,
  EGRESS_TABLES,
  WORKSPACE_PLANS,
  INGRESS_PLANS,
];
/** Kinds of which the object of the collector's name goes, in the system Namespace: its certificate. */
export const REMOVED_OF_COLLECTOR: readonly ClusterResource[] = [SECRETS, CONFIG_MAPS];
/** Kinds of which one name goes, in every Namespace. */
export const REMOVED_BY_NAME: readonly ClusterResource[] = [ROLES, ROLE_BINDINGS];
