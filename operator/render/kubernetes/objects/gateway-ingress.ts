// Ingress of the gateways: a lane's ports accept only pods of that Namespace that carry that lane, so the port
// identifies the caller. One object per workspace, and one for all that denies everything else and limits the gateways'
// egress.
import { workspaceObjectName } from '../../../compile/lane-service-name.ts';
import { memoize } from '../../../lib/memo.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import {
  CANARY_NAME,
  GATEWAY_HEALTH_PORT,
  GATEWAY_LABEL,
  GATEWAY_NAME,
} from '../../../model/system-names.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import {
  type ClusterSettings,
  type DesiredObject,
  managedLabels,
  workspaceLabels,
} from './desired-object.ts';
import { blockPorts } from './isolation.ts';

const GATEWAYS = { matchLabels: { [GATEWAY_LABEL]: GATEWAY_NAME } };

/**
 * Canary pods at the port of health and metrics, and the gateways' egress. Nodes may always probe their own pods; whom
 * else that port lets in, such as Prometheus, is said by a KubeNetworkPolicy of the chart.
 */
export function gatewayBaseline(
  egress: readonly Readonly<Record<string, unknown>>[],
  { systemNamespace, canaryNamespace }: ClusterSettings,
): DesiredObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'sallyport-gateway', namespace: systemNamespace, labels: managedLabels() },
    spec: {
      podSelector: GATEWAYS,
      policyTypes: ['Ingress', 'Egress'],
      ...(canaryNamespace === undefined ? {} : { ingress: [fromCanaries(canaryNamespace)] }),
      egress,
    },
  };
}

function fromCanaries(namespace: string): Readonly<Record<string, unknown>> {
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const podSelector = { matchLabels: { [GATEWAY_LABEL]: CANARY_NAME } };
  return {
    from: [{ namespaceSelector, podSelector }],
    ports: [{ protocol: 'TCP', port: GATEWAY_HEALTH_PORT }],
  };
}

/** The very same objects for the same plan. */
export const gatewayIngress = memoize(workspaceIngress);

function workspaceIngress(
  plan: WorkspacePlan,
  { systemNamespace }: ClusterSettings,
): readonly DesiredObject[] {
  const workspace = plan.metadata.name;
  const lanes = plan.spec.lanes ?? [];
  if (lanes.length === 0) return [];
  const from = (lane: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': workspace } },
    podSelector: { matchLabels: { [LANE_LABEL]: lane } },
  });
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: {
        name: workspaceObjectName(workspace),
        namespace: systemNamespace,
        labels: workspaceLabels(workspace),
      },
      spec: {
        podSelector: GATEWAYS,
        policyTypes: ['Ingress'],
        ingress: lanes.map(({ lane, firstPort }) => ({ from: [from(lane)], ports: blockPorts(firstPort) })),
      },
    },
  ];
}
