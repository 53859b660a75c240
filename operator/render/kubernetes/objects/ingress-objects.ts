// An IngressPlan -> what ingress gateways need for it: the plan, the Role by which they read its one Secret, and
// KubeNetworkPolicies of their own pods. None is written into the workspace: nothing of ours forbids its pods to accept
// connections, and a KubeNetworkPolicy that allows gateways would forbid everybody else. None carries the label of its
// workspace: one that cannot be written must not hold back pods.
import { workspaceObjectName } from '../../../compile/lane-service-name.ts';
import { memoize } from '../../../lib/memo.ts';
import type { ApiServerPlace } from '../../../model/cluster-state.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { API_VERSION } from '../../../model/kubernetes-object.ts';
import {
  GATEWAY_LABEL,
  INGRESS_ACCOUNT,
  INGRESS_AUTHORIZE_PORT,
  INGRESS_HTTP_PORT,
  INGRESS_HTTPS_PORT,
  INGRESS_NAME,
  INGRESS_TLS_ROLE,
  INGRESS_TLS_VERBS,
} from '../../../model/system-names.ts';
import { gatewayToApiServer } from './api-server-rules.ts';
import { type ClusterSettings, type DesiredObject, managedLabels } from './desired-object.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const OPEN_PORTS = [INGRESS_HTTP_PORT, INGRESS_HTTPS_PORT, INGRESS_AUTHORIZE_PORT];
const INGRESS_GATEWAYS = { matchLabels: { [GATEWAY_LABEL]: INGRESS_NAME } };

/**
 * Everybody may connect to ingress gateways, but not to their port of health and metrics. They reach nothing but the API
 * server; workspaces add themselves.
 */
export function ingressBaseline(
  apiServer: ApiServerPlace,
  { systemNamespace, apiServerEgress }: ClusterSettings,
): DesiredObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: INGRESS_NAME, namespace: systemNamespace, labels: managedLabels() },
    spec: {
      podSelector: INGRESS_GATEWAYS,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: OPEN_PORTS.map((port) => ({ protocol: 'TCP', port })) }],
      egress: gatewayToApiServer(apiServer, apiServerEgress),
    },
  };
}

/** The very same objects for the same plan. */
export const ingressObjects = memoize(
  (plan: IngressPlan, settings: ClusterSettings): readonly DesiredObject[] => {
    const { hosts = [], backends = [], tlsSecretName } = plan.spec;
    const isServed = hosts.length > 0 && backends.length > 0;
    return [
      planObject(plan, settings),
      ...(isServed ? [toBackends(plan, settings)] : []),
      ...(hosts.length > 0 && tlsSecretName !== undefined
        ? secretReading(plan.metadata.name, tlsSecretName, settings)
        : []),
    ];
  },
);

function planObject(
  { metadata: { name }, spec }: IngressPlan,
  { systemNamespace }: ClusterSettings,
): DesiredObject {
  return {
    apiVersion: API_VERSION,
    kind: 'IngressPlan',
    metadata: { name, namespace: systemNamespace, labels: managedLabels() },
    spec,
  };
}

/** Ports of Services and of the pods behind them differ, and only the latter count: so all of the Namespace. */
function toBackends({ metadata }: IngressPlan, { systemNamespace }: ClusterSettings): DesiredObject {
  const workspace = metadata.name;
  const to = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': workspace } } }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: `in-${workspaceObjectName(workspace)}`,
      namespace: systemNamespace,
      labels: managedLabels(),
    },
    spec: { podSelector: INGRESS_GATEWAYS, policyTypes: ['Egress'], egress: [{ to }] },
  };
}

function secretReading(
  workspace: string,
  secretName: string,
  { systemNamespace }: ClusterSettings,
): readonly DesiredObject[] {
  const apiVersion = `${RBAC_GROUP}/v1`;
  const metadata = { name: INGRESS_TLS_ROLE, namespace: workspace, labels: managedLabels() };
  return [
    {
      apiVersion,
      kind: 'Role',
      metadata,
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: [secretName], verbs: INGRESS_TLS_VERBS },
      ],
    },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: INGRESS_TLS_ROLE },
      subjects: [{ kind: 'ServiceAccount', name: INGRESS_ACCOUNT, namespace: systemNamespace }],
    },
  ];
}
