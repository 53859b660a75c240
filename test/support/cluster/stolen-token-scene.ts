// What a stolen token of the operator could be tried on: objects of its own and of others, of every kind that it writes
// and of some that it never should. Its ServiceAccount may do everything here, so that only admission stops it.
import { canaryPod } from '../../../operator/deliver/kubernetes/canary/canary-pod.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  DEFAULT_LANE_ANNOTATION,
  LANE_LABEL,
  PRODUCT_LABEL,
  STAMP_ANNOTATION,
  STAMP_LABEL,
} from '../../../operator/model/stamp.ts';
import {
  accountUser,
  GATEWAY_ACCOUNT,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  OPERATOR_ACCOUNT,
  SERVICE_NAME_LABEL,
  SLICE_MANAGER,
  SLICE_MANAGER_LABEL,
  SYSTEM_NAMESPACE,
} from '../../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../../operator/model/workspace.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  NEW,
  namespace,
  PLAIN,
  podOf,
  READY,
  REVISION,
  rejection,
  until,
} from './admission-scene.ts';
import { type Creatable, collectionOf } from './object-collection.ts';
import type { Stored } from './operator-oracle.ts';

export interface Target {
  readonly path: string;
  readonly object: Stored;
}

/** A Namespace whose pods were there before it became a workspace. */
const JOINED = 'joined';
export const WORKSPACES: ReadonlySet<string> = new Set([READY, NEW, JOINED]);
const OWNED = { [MANAGED_BY_LABEL]: MANAGED_BY };
const OURS = 'sallyport.dev/v1alpha1';
const RBAC = 'rbac.authorization.k8s.io';
const AT = '2027-01-31T00:00:00Z';

const running = { state: { running: { startedAt: AT } } };
const waiting = { state: { waiting: { reason: 'ContainerCreating' } } };
const crashed = { ...waiting, lastState: { terminated: { exitCode: 1, startedAt: AT, finishedAt: AT } } };

/** By name of the pod; as a kubelet would say it. */
const STATUSES: Readonly<Record<string, object>> = {
  gated: {},
  accepted: { phase: 'Pending', startTime: AT },
  pulling: { containerStatuses: [container(waiting)] },
  initialising: { initContainerStatuses: [container(running)], containerStatuses: [container(waiting)] },
  running: { phase: 'Running', containerStatuses: [container(running)] },
  crashing: { containerStatuses: [container(crashed)] },
};

function container(states: object) {
  return { name: 'main', image: 'none', imageID: '', ready: false, restartCount: 0, ...states };
}

const HOME = { namespace: SYSTEM_NAMESPACE };
const RULES = { podSelector: {}, policyTypes: ['Egress'] };
const PORTS = { ports: [{ port: 80 }] };
const SLICE = { addressType: 'IPv4', endpoints: [] };
const LEASE = { spec: {} };

function object(apiVersion: string, kind: string, metadata: Creatable['metadata'], content = {}): Creatable {
  return { apiVersion, kind, metadata, ...content };
}

const kubeRules = (name: string, home: string, labels = {}): Creatable =>
  object('networking.k8s.io/v1', 'NetworkPolicy', { name, namespace: home, labels }, { spec: RULES });
const service = (name: string, home: string, labels = {}): Creatable =>
  object('v1', 'Service', { name, namespace: home, labels }, { spec: PORTS });
const slice = (name: string, home: string, labels = {}): Creatable =>
  object('discovery.k8s.io/v1', 'EndpointSlice', { name, namespace: home, labels }, SLICE);
const lease = (name: string, home: string): Creatable =>
  object('coordination.k8s.io/v1', 'Lease', { name, namespace: home }, LEASE);
const event = (name: string, reportingController: string): Creatable =>
  object(
    'events.k8s.io/v1',
    'Event',
    { name, namespace: 'default' },
    {
      eventTime: '2027-01-31T00:00:00.000000Z',
      ...{ reportingController, reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal' },
      regarding: { kind: 'Namespace', name: 'x', namespace: 'default' },
    },
  );
/** Labelled as if it were ours. */
const disguised = (apiVersion: string, kind: string, content = {}): Creatable =>
  object(apiVersion, kind, { name: 'd', ...HOME, labels: OWNED }, content);

const PLAN = { workspaceId: '1', networkPolicyId: 'a', revision: 'r', table: 't', products: [] };
const INGRESS_PLAN = {
  level: 'WORKSPACE',
  workspaceId: '1',
  revision: 'r',
  enableIpAccessLists: false,
  lists: [],
  tlsPassthrough: false,
};
const TLS_ROLE = 'sallyport-ingress-tls';
const tlsRole = (home: string): Creatable =>
  object(
    `${RBAC}/v1`,
    'Role',
    { name: TLS_ROLE, namespace: home, labels: OWNED },
    {
      rules: [
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: ['cert'],
          verbs: ['get', 'list', 'watch'],
        },
      ],
    },
  );
const tlsBinding = (home: string): Creatable =>
  object(
    `${RBAC}/v1`,
    'RoleBinding',
    { name: TLS_ROLE, namespace: home, labels: OWNED },
    {
      roleRef: { apiGroup: RBAC, kind: 'Role', name: TLS_ROLE },
      subjects: [{ kind: 'ServiceAccount', name: 'sallyport-ingress', ...HOME }],
    },
  );
const POD_TEMPLATE = {
  metadata: { labels: { app: 'd' } },
  spec: { containers: [{ name: 'm', image: 'i' }] },
};

const CANARY = 'sallyport-canary';
/** As the operator makes them, for the image of somebody's choice. */
const canary = canaryPod({
  ...{ name: 'canary-own', namespace: CANARY, image: 'none.invalid/app', node: '' },
  targets: {
    allowed: [{ name: 'a gateway', place: '10.0.0.1:8081' }],
    denied: [{ name: 'the API server', place: '10.96.0.1:443' }],
  },
}) as Creatable;

const OWN: readonly Creatable[] = [
  canary,
  kubeRules('own', READY, OWNED),
  kubeRules('own', SYSTEM_NAMESPACE, OWNED),
  service('own', SYSTEM_NAMESPACE, OWNED),
  disguised(OURS, 'EgressTable', { spec: { networkPolicyId: 'a', revision: 'r', groups: [] } }),
  disguised(OURS, 'WorkspacePlan', { spec: PLAN }),
  disguised(OURS, 'IngressPlan', { spec: INGRESS_PLAN }),
  tlsRole(READY),
  tlsBinding(READY),
  object(OURS, 'PolicyAssignment', { name: 'own', labels: OWNED }),
  event('own', 'sallyport.dev/operator'),
  lease('sallyport-operator', SYSTEM_NAMESPACE),
];

/** Of the gateways: neither the operator's nor anybody else's. */
const LANE = 'ws-team-enforced-0123abcd';
const LANE_SLICE = slice(`${LANE}-ipv4`, SYSTEM_NAMESPACE, {
  ...OWNED,
  [SERVICE_NAME_LABEL]: LANE,
  [SLICE_MANAGER_LABEL]: SLICE_MANAGER,
});

const THEIRS: readonly Creatable[] = [
  podOf('kube-system', { name: 'dns' }),
  podOf(PLAIN, { name: 'plain' }),
  { ...canary, metadata: { name: 'visitor', namespace: CANARY } },
  kubeRules('theirs', READY),
  kubeRules('theirs', 'kube-system'),
  service('theirs', SYSTEM_NAMESPACE),
  service('theirs', 'kube-system'),
  slice('theirs', SYSTEM_NAMESPACE),
  slice('theirs', 'kube-system'),
  object(OURS, 'PolicyAssignment', { name: 'theirs' }, { spec: { networkPolicyId: 'acme' } }),
  object(
    OURS,
    'NetworkPolicy',
    { name: 'acme' },
    { spec: { egress: { networkAccess: { restrictionMode: 'FULL_ACCESS' } } } },
  ),
  event('theirs', 'example.com/x'),
  lease('theirs', SYSTEM_NAMESPACE),
  lease('sallyport-operator', 'kube-system'),
  disguised('v1', 'ConfigMap'),
  disguised('v1', 'Secret'),
  disguised('v1', 'ServiceAccount'),
  disguised('apps/v1', 'Deployment', {
    spec: { replicas: 0, selector: { matchLabels: { app: 'd' } }, template: POD_TEMPLATE },
  }),
  object(`${RBAC}/v1`, 'Role', { name: 'theirs', namespace: READY }, { rules: [] }),
  object(`${RBAC}/v1`, 'ClusterRole', { name: 'theirs', labels: OWNED }, { rules: [] }),
];

/** Admission takes up a changed Namespace a little later. */
function untilStamp(api: KubernetesApi, pod: Creatable, lane: string, stamp: string): Promise<void> {
  return until(`pods to get lane ${lane} and stamp ${stamp}`, async () => {
    const request = { method: 'POST', path: collectionOf(pod), body: pod } as const;
    // The policy that stamps and the one that checks it do not take it up at the same moment.
    const answer = await api.request(dryRun(request)).catch((error: unknown) => error as Error);
    if (answer instanceof Error) return answer.message;
    const { labels = {} } = (answer as Stored).metadata;
    return labels[LANE_LABEL] === lane && labels[STAMP_LABEL] === stamp ? '' : 'another one';
  });
}

/**
 * Pods in lane dry-run of a workspace whose new pods get lane enforced; new ones of DBSQL get dry-run still, where they
 * may use it, which nobody asked of `unasked`.
 */
async function makeStale(operator: KubernetesApi, edit: KubernetesApi): Promise<readonly Creatable[]> {
  const give = async (lane: string, stamp: string): Promise<void> => {
    await operator.request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${READY}`,
      body: { metadata: { annotations: { [DEFAULT_LANE_ANNOTATION]: lane, [STAMP_ANNOTATION]: stamp } } },
      contentType: 'application/merge-patch+json',
    });
    await untilStamp(edit, podOf(READY, { name: 'another' }), lane, stamp);
  };
  const labels = { [PRODUCT_LABEL]: 'DBSQL' };
  const asked = podOf(READY, { name: 'asked', labels });
  await give('dry-run', REVISION);
  await create(edit, asked);
  const former = [podOf(READY, { name: 'stale' }), podOf(READY, { name: 'unasked', labels })];
  await give('dry-run', 'former');
  for (const pod of former) await create(edit, pod);
  await give('enforced', REVISION);
  return [asked, ...former];
}

/** Everything that is there afterwards. */
export async function makeTargets({
  root,
  operator,
  as,
  actingAs,
}: AdmissionScene): Promise<readonly Target[]> {
  const user = accountUser(SYSTEM_NAMESPACE, OPERATOR_ACCOUNT);
  await create(
    root,
    object(
      `${RBAC}/v1`,
      'ClusterRoleBinding',
      { name: 'stolen' },
      {
        roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'User', apiGroup: RBAC, name: user }],
      },
    ),
  );
  const patch = (path: string, body: object): Promise<unknown> =>
    root.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
  const setStatus = (home: string, pod: string, status: object): Promise<unknown> =>
    patch(`/api/v1/namespaces/${home}/pods/${pod}/status`, { status });
  await create(root, namespace(JOINED, {}));
  const trial = {
    method: 'POST',
    path: `/api/v1/namespaces/${JOINED}/pods`,
    body: podOf(JOINED, {}),
  } as const;
  await until('pods to be admitted', () => rejection(root, dryRun(trial)));
  const old = Object.keys(STATUSES).map((name) => podOf(JOINED, { name, labels: { app: 'x' } }));
  for (const pod of old) await create(root, pod);
  for (const [name, status] of Object.entries(STATUSES)) await setStatus(JOINED, name, status);
  await patch(`/api/v1/namespaces/${JOINED}`, { metadata: { labels: { [WORKSPACE_LABEL]: '105' } } });
  const stamped = ['waiting', 'started'].map((name) => podOf(READY, { name }));
  for (const pod of stamped) await create(as.edit, pod);
  await setStatus(READY, 'started', { containerStatuses: [container(running)] });
  const stale = await makeStale(operator, as.edit);
  for (const { metadata } of stale)
    await setStatus(READY, metadata.name, { containerStatuses: [container(running)] });
  for (const made of OWN) await create(operator, made);
  for (const made of THEIRS) await create(root, made);
  await create(await actingAs(accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT)), LANE_SLICE);
  const namespaces = [READY, NEW, PLAIN, JOINED, 'kube-system', SYSTEM_NAMESPACE];
  const all = [
    ...old,
    ...stamped,
    ...stale,
    ...OWN,
    ...THEIRS,
    LANE_SLICE,
    ...namespaces.map((name) => namespace(name, {})),
  ];
  return all.map((made) => ({ path: `${collectionOf(made)}/${made.metadata.name}`, object: made }));
}
