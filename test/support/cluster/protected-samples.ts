// One sample of every protected kind, with a change of it to which its protection applies.
import { LANE_LABEL, STAMP_ANNOTATION } from '../../../operator/model/stamp.ts';
import {
  INGRESS_ACCOUNT,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
  SLICE_MANAGER,
  SLICE_MANAGER_LABEL,
  SYSTEM_NAMESPACE,
} from '../../../operator/model/system-names.ts';
import { podOf, READY } from './admission-scene.ts';

const OWNED = { [MANAGED_BY_LABEL]: MANAGED_BY };

/** One protected kind, with what to change of it so that its protection applies. */
export interface Sample {
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  };
  /** A merge patch. */
  readonly change: object;
  /** What the protection retains, of an answer: it stays where a subresource takes nothing of the metadata. */
  readonly kept: (object: unknown) => unknown;
}

const home = { namespace: SYSTEM_NAMESPACE };
const annotated = { metadata: { annotations: { tampered: 'yes' } } };
const metadataOf = (object: unknown): Record<string, Record<string, string> | undefined> =>
  (object as { readonly metadata?: Record<string, Record<string, string>> }).metadata ?? {};
const whole = (object: unknown): unknown => metadataOf(object)['annotations']?.['tampered'];
const ours = 'sallyport.dev/v1alpha1';

/** By plural. */
export const SAMPLES: Readonly<Record<string, Sample>> = {
  networkpolicies: {
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: named('sallyport-sample', READY),
      ...{ spec: { podSelector: {}, policyTypes: ['Egress'] } },
    },
    change: annotated,
    kept: whole,
  },
  services: {
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: named('sample'),
      ...{ spec: { ports: [{ name: 'proxy', port: 3128 }] } },
    },
    change: annotated,
    kept: whole,
  },
  endpointslices: {
    object: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: laneSlice('ws-team-enforced-0123abcd'),
      ...{ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] },
    },
    change: annotated,
    kept: whole,
  },
  egresstables: {
    object: {
      apiVersion: ours,
      kind: 'EgressTable',
      metadata: named('sample'),
      ...{ spec: { networkPolicyId: 'acme', revision: 'r1', groups: [] } },
    },
    change: annotated,
    kept: whole,
  },
  workspaceplans: {
    object: {
      apiVersion: ours,
      kind: 'WorkspacePlan',
      metadata: named('sample'),
      ...{ spec: { workspaceId: '1', networkPolicyId: 'acme', revision: 'r1', table: 't', products: [] } },
    },
    change: annotated,
    kept: whole,
  },
  ingressplans: {
    object: {
      apiVersion: ours,
      kind: 'IngressPlan',
      metadata: named('sample'),
      ...{
        spec: {
          ...{ level: 'WORKSPACE', workspaceId: '1', revision: 'r1', enableIpAccessLists: false },
          ...{ lists: [], tlsPassthrough: false },
        },
      },
    },
    change: annotated,
    kept: whole,
  },
  roles: {
    object: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: named('sallyport-ingress-tls', READY),
      ...{
        rules: [
          {
            ...{ apiGroups: [''], resources: ['secrets'], resourceNames: ['cert'] },
            verbs: ['get', 'list', 'watch'],
          },
        ],
      },
    },
    change: annotated,
    kept: whole,
  },
  rolebindings: {
    object: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: named('sallyport-ingress-tls', READY),
      ...{
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'sallyport-ingress-tls' },
        subjects: [{ kind: 'ServiceAccount', name: INGRESS_ACCOUNT, ...home }],
      },
    },
    change: annotated,
    kept: whole,
  },
  callerreports: {
    object: {
      apiVersion: ours,
      kind: 'CallerReport',
      metadata: { name: 'api-1', ...home },
      ...{ spec: { callers: [] } },
    },
    change: annotated,
    kept: whole,
  },
  gatewayreports: {
    object: {
      apiVersion: ours,
      kind: 'GatewayReport',
      metadata: { name: 'gw-1', ...home },
      ...{ spec: { ready: true, renewTime: '2027-01-31T00:00:00Z' } },
    },
    change: annotated,
    kept: whole,
  },
  namespaces: {
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: READY } },
    change: { metadata: { annotations: { [STAMP_ANNOTATION]: 'mine' } } },
    kept: (object) => metadataOf(object)['annotations']?.[STAMP_ANNOTATION],
  },
  pods: {
    object: podOf(READY, { name: 'stamped' }),
    change: { metadata: { labels: { [LANE_LABEL]: 'full' } } },
    kept: (object) => metadataOf(object)['labels']?.[LANE_LABEL],
  },
};

function laneSlice(service: string) {
  const { labels, ...metadata } = named(`${service}-ipv4`);
  return {
    ...metadata,
    labels: { ...labels, [SERVICE_NAME_LABEL]: service, [SLICE_MANAGER_LABEL]: SLICE_MANAGER },
  };
}

function named(name: string, namespace = SYSTEM_NAMESPACE) {
  return { name, namespace, labels: OWNED };
}
