// A control plane with the generated policies and roles, Namespaces in every state that admission knows, and people
// with the rights that tenants have. The annotations of the workspaces are written here as the operator writes them.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor } from '../../../operator/lib/kubernetes/acting-as.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import {
  ApiFailure,
  type ApiRequest,
  type KubernetesApi,
} from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { LANES, type Lane } from '../../../operator/model/lane.ts';
import {
  CLUSTER_DNS_ANNOTATION,
  DEFAULT_LANE_ANNOTATION,
  dnsAnnotation,
  laneAnnotation,
  NO_PROXY_ANNOTATION,
  proxyAnnotation,
  STAMP_ANNOTATION,
} from '../../../operator/model/stamp.ts';
import { accountUser, OPERATOR_ACCOUNT, SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../../operator/model/workspace.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  installCrds,
  installRolesAndPolicies,
  startControlPlane,
} from './control-plane.ts';
import { type Creatable, collectionOf } from './object-collection.ts';

const ADMIT_TIMEOUT_MS = 60_000;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** A workspace that is ready: GENERAL is enforced, some products are more open, one is stricter. */
export const READY = 'analytics';
/** A workspace whose isolation is not there yet. */
export const NEW = 'fresh';
/** A Namespace that is no workspace. */
export const PLAIN = 'plain';
/** ServiceAccount that may use some products, in READY. */
export const GRANTED = 'warehouse';
export const NO_PROXY = 'localhost,.svc,.cluster.local';
export const REVISION = 'r7';

type Person = 'edit' | 'admin' | 'lead' | 'account-admin';

export interface AdmissionScene {
  readonly controlPlane: ControlPlane;
  /** May do everything. */
  readonly root: KubernetesApi;
  /** Of the built-in roles edit and admin in each Namespace above; a lead may write Namespaces too, nothing of ours. */
  readonly as: Readonly<Record<Person, KubernetesApi>>;
  /** By a kubeconfig of the control plane; closed by stop(). */
  connect(kubeconfig: string): Promise<KubernetesApi>;
  /** Whoever that is, by impersonation; closed by stop(). */
  actingAs(user: string, extra?: Readonly<Record<string, string>>): Promise<KubernetesApi>;
  /** Under the operator's own ServiceAccount. */
  readonly operator: KubernetesApi;
  stop(): Promise<void>;
}

export function proxyOf(lane: Lane): string {
  return `http://${addressOf(lane)}:3128`;
}

export function addressOf(lane: Lane): string {
  return `10.96.1.${LANES.indexOf(lane)}`;
}

export const READY_ANNOTATIONS: Readonly<Record<string, string>> = {
  [STAMP_ANNOTATION]: REVISION,
  [DEFAULT_LANE_ANNOTATION]: 'enforced',
  [laneAnnotation('DBSQL')]: 'dry-run',
  [laneAnnotation('ML_BUILD')]: 'full',
  [laneAnnotation('PROVISIONED_THROUGHPUT')]: 'sealed',
  ...Object.fromEntries(LANES.map((lane) => [proxyAnnotation(lane), proxyOf(lane)])),
  ...Object.fromEntries(LANES.map((lane) => [dnsAnnotation(lane), addressOf(lane)])),
  [NO_PROXY_ANNOTATION]: NO_PROXY,
  [CLUSTER_DNS_ANNOTATION]: '10.96.0.10',
};

export async function startAdmissionScene(options: ControlPlaneOptions = {}): Promise<AdmissionScene> {
  const controlPlane = await startControlPlane(options);
  const connections: KubernetesApi[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(connections.map((api) => api.close()));
    await controlPlane.stop();
  };
  const connect = async (kubeconfig: string, actAs?: Actor): Promise<KubernetesApi> => {
    const api = await connectKubernetes({ kubeconfig, ...(actAs === undefined ? {} : { actAs }) });
    connections.push(api);
    return api;
  };
  const actingAs = (user: string, extra = {}): Promise<KubernetesApi> =>
    connect(controlPlane.adminKubeconfig, { user, extra });
  try {
    await installCrds(controlPlane);
    await installRolesAndPolicies(controlPlane);
    const root = await connect(controlPlane.adminKubeconfig);
    await createNamespaces(root, await actingAs(accountUser(SYSTEM_NAMESPACE, OPERATOR_ACCOUNT)));
    await grantRoles(root);
    const person = async (user: Person) => connect(await controlPlane.kubeconfigFor({ user }));
    const as = {
      edit: await person('edit'),
      admin: await person('admin'),
      lead: await person('lead'),
      'account-admin': await person('account-admin'),
    };
    const operator = await actingAs(accountUser(SYSTEM_NAMESPACE, OPERATOR_ACCOUNT));
    await untilAdmissionWorks(root);
    return { controlPlane, root, as, connect, actingAs, operator, stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

async function createNamespaces(root: KubernetesApi, operator: KubernetesApi): Promise<void> {
  const workspace = (id: string) => ({ [WORKSPACE_LABEL]: id });
  await create(root, namespace(READY, { labels: workspace('101') }));
  await until('the operator to stamp a Namespace', () =>
    rejection(operator, {
      method: 'PATCH',
      path: `/api/v1/namespaces/${READY}`,
      body: { metadata: { annotations: READY_ANNOTATIONS } },
      contentType: 'application/merge-patch+json',
    }),
  );
  await create(root, namespace(NEW, { labels: workspace('102') }));
  await create(root, namespace(PLAIN, {}));
  await create(root, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: GRANTED, namespace: READY },
  });
}

async function grantRoles(root: KubernetesApi): Promise<void> {
  const user = (name: string) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });
  for (const home of [READY, NEW, PLAIN]) {
    await bindRole(root, { role: 'edit', subject: user('edit'), home });
    await bindRole(root, { role: 'admin', subject: user('admin'), home });
    await bindRole(root, { role: 'admin', subject: user('lead'), home });
    await bindRole(root, { role: 'admin', subject: user('account-admin'), home });
  }
  const account = { kind: 'ServiceAccount', name: GRANTED, namespace: READY };
  for (const role of ['sallyport-use-dbsql', 'sallyport-use-ml-build', 'sallyport-use-general']) {
    await bindRole(root, { role, subject: account, home: READY });
  }
  await root.request({
    method: 'POST',
    path: `${RBAC}/clusterroles`,
    body: {
      metadata: { name: 'namespace-writer' },
      rules: [
        {
          apiGroups: [''],
          resources: ['namespaces', 'namespaces/status', 'namespaces/finalize'],
          verbs: ['create', 'update', 'patch', 'delete'],
        },
        // Those that the built-in roles leave to controllers.
        { apiGroups: [''], resources: ['pods/binding', 'bindings'], verbs: ['create'] },
        { apiGroups: [''], resources: ['pods/status', 'pods/resize'], verbs: ['patch', 'update'] },
        { apiGroups: [''], resources: ['pods/ephemeralcontainers'], verbs: ['patch', 'update'] },
      ],
    },
  });
  for (const name of ['lead', 'account-admin'] as const) {
    await bindRole(root, { role: 'namespace-writer', subject: user(name) });
  }
  await bindRole(root, { role: 'sallyport-account-admin', subject: user('account-admin') });
}

interface RoleGrant {
  readonly role: string;
  readonly subject: { readonly name: string };
  /** Left out: everywhere. */
  readonly home?: string;
}

async function bindRole(root: KubernetesApi, { role, subject, home }: RoleGrant): Promise<void> {
  const place = home === undefined ? 'clusterrolebindings' : `namespaces/${home}/rolebindings`;
  await root.request({
    method: 'POST',
    path: `${RBAC}/${place}`,
    body: {
      metadata: { name: `${subject.name}-${role}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [subject],
    },
  });
}

/**
 * The API server takes up new policies a little later, but in the order in which they came: once the last one is in
 * force, so are all others. ServiceAccounts come later, too.
 */
async function untilAdmissionWorks(root: KubernetesApi): Promise<void> {
  const last = 'last-policy';
  await createPolicyAgainstConfigMaps(root, last);
  const metadata = { name: last, namespace: 'default' };
  const path = '/api/v1/namespaces/default/configmaps';
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  await until('the policies to be in force', async () => {
    const answer = await rejection(root, dryRun({ method: 'POST', path, body }));
    return answer.includes(last) ? '' : `ConfigMaps are still accepted: "${answer}"`;
  });
  await until('pods to be judged', async () => {
    const answers = await Promise.all(
      [READY, NEW, PLAIN].map((home) => rejection(root, createPod(home, {}))),
    );
    const [ready, fresh, plain] = answers;
    return ready === '' && fresh?.includes('isolation') === true && plain === '' ? '' : answers.join('\n');
  });
}

/** A policy of this test, and none of Sallyport's: it rejects ConfigMaps of its own name. */
async function createPolicyAgainstConfigMaps(root: KubernetesApi, name: string): Promise<void> {
  const group = 'admissionregistration.k8s.io';
  const apiVersion = `${group}/v1`;
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] };
  const body = {
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: `object.metadata.name != '${name}'`, message: name }],
  };
  const policy = { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: { name }, spec: body };
  const path = `/apis/${apiVersion}/validatingadmissionpolicies`;
  await root.request({ method: 'POST', path, body: policy });
  await create(root, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
}

/** `missing` says what there is instead, or "" once it is there. */
export async function until(what: string, missing: () => Promise<string>): Promise<void> {
  const deadlineMs = Date.now() + ADMIT_TIMEOUT_MS;
  for (let instead = await missing(); instead !== ''; instead = await missing()) {
    if (Date.now() > deadlineMs)
      throw new Error(`Waited ${ADMIT_TIMEOUT_MS} ms in vain for ${what}: ${instead}`);
    await sleep(100);
  }
}

/** "" where the API server accepts, else its sentence. */
export async function rejection(api: KubernetesApi, request: ApiRequest): Promise<string> {
  try {
    await api.request(request);
    return '';
  } catch (failure) {
    if (failure instanceof ApiFailure && failure.status > 0) return failure.message;
    throw failure;
  }
}

export interface PodParts {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export function podOf(home: string, { name = 'web', labels = {}, annotations = {}, spec = {} }: PodParts) {
  const containers = [{ name: 'main', image: 'none.invalid/app' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: home, labels, annotations },
    spec: { containers, ...spec },
  };
}

/** A request that changes nothing: admission treats it like any other. */
export function createPod(home: string, parts: PodParts): ApiRequest {
  return dryRun({
    method: 'POST',
    path: `/api/v1/namespaces/${home}/pods`,
    body: podOf(home, parts),
  });
}

export function dryRun(request: ApiRequest): ApiRequest {
  return { ...request, query: { ...request.query, dryRun: 'All' } };
}

export function namespace(name: string, metadata: Readonly<Record<string, unknown>>) {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...metadata } };
}

export async function create(api: KubernetesApi, object: Creatable): Promise<void> {
  await api.request({ method: 'POST', path: collectionOf(object), body: object });
}

/** Server-side apply, as the operator writes. */
export async function apply(api: KubernetesApi, object: Creatable): Promise<void> {
  await api.request({
    method: 'PATCH',
    path: `${collectionOf(object)}/${object.metadata.name}`,
    query: { fieldManager: 'sallyport-operator', force: 'true' },
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
}
