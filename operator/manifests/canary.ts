// What canary pods need: a Namespace of their own, which is no workspace, an account without rights, and the
// KubeNetworkPolicy whose enforcement they measure. It holds for every pod there, so that the Namespace is no way out
// for anybody else either.
import {
  CANARY_NAME,
  GATEWAY_HEALTH_PORT,
  GATEWAY_LABEL,
  GATEWAY_NAME,
  type Installation,
} from '../model/system-names.ts';
import type { JsonObject } from './crd.ts';
import { renderCanaryRoles } from './rbac/rbac.ts';

/** The Namespace first, since the rest is in it. */
export function renderCanary(installation: Installation): readonly JsonObject[] {
  const { canaryNamespace: namespace, systemNamespace } = installation;
  const podSecurity = ['enforce', 'audit', 'warn'].map((mode) => [
    `pod-security.kubernetes.io/${mode}`,
    'restricted',
  ]);
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: Object.fromEntries(podSecurity) as JsonObject },
    },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: CANARY_NAME, namespace },
      automountServiceAccountToken: false,
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: CANARY_NAME, namespace },
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        egress: [
          {
            to: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': systemNamespace } },
                podSelector: { matchLabels: { [GATEWAY_LABEL]: GATEWAY_NAME } },
              },
            ],
            ports: [{ protocol: 'TCP', port: GATEWAY_HEALTH_PORT }],
          },
        ],
      },
    },
    ...renderCanaryRoles(installation),
  ];
}
