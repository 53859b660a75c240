// Objects of Sallyport: what the operator owns, policies that workspaces are under, and reports of gateways.
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  API_ACCOUNT,
  GATEWAY_ACCOUNT,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const OURS = '/apis/sallyport.dev/v1alpha1';
const OWNED = { [MANAGED_BY_LABEL]: MANAGED_BY };

let scene: AdmissionScene;
let operator: KubernetesApi;
/** Of the built-in role admin in the system namespace, and with all rights on our kinds: nobody should be, some are. */
let neighbour: KubernetesApi;

beforeAll(async () => {
  scene = await startAdmissionScene();
  const { controlPlane, connect, root } = scene;
  operator = scene.operator;
  neighbour = await connect(await controlPlane.kubeconfigFor({ user: 'neighbour' }));
  const rbac = 'rbac.authorization.k8s.io';
  await create(root, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'neighbour' },
    rules: [
      {
        apiGroups: ['', 'discovery.k8s.io', 'sallyport.dev'],
        resources: ['services', 'endpointslices', 'egresstables', 'workspaceplans', 'gatewayreports'],
        verbs: ['*'],
      },
    ],
  });
  await create(root, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'neighbour' },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'neighbour' },
    subjects: [{ kind: 'User', apiGroup: rbac, name: 'neighbour' }],
  });
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function patch(path: string, body: unknown): ApiRequest {
  return dryRun({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
}

const home = { namespace: SYSTEM_NAMESPACE };
const service = (name: string, labels = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, ...home, labels },
  spec: { ports: [{ name: 'proxy', port: 3128 }] },
});
const plan = (name: string, labels = {}) => ({
  apiVersion: 'sallyport.dev/v1alpha1',
  kind: 'WorkspacePlan',
  metadata: { name, ...home, labels },
  spec: { workspaceId: '1', networkPolicyId: 'acme', revision: 'r1', table: 't', products: [] },
});

describe.each([
  ['Service', service, `/api/v1/namespaces/${SYSTEM_NAMESPACE}/services`],
  ['WorkspacePlan', plan, `${OURS}/namespaces/${SYSTEM_NAMESPACE}/workspaceplans`],
] as const)('a %s of the operator', (kind, object, path) => {
  beforeAll(async () => {
    await create(operator, object('owned', OWNED));
  });

  it.each<[string, ApiRequest]>([
    ['changed', patch(`${path}/owned`, { metadata: { annotations: { a: 'b' } } })],
    ['disowned', patch(`${path}/owned`, { metadata: { labels: { [MANAGED_BY_LABEL]: null } } })],
    ['deleted', dryRun({ method: 'DELETE', path: `${path}/owned` })],
    ['deleted with all others', dryRun({ method: 'DELETE', path })],
    ['imitated', dryRun({ method: 'POST', path, body: object('imitation', OWNED) })],
  ])('cannot be %s by others', async (_, request) => {
    expect(await rejection(neighbour, request)).toContain(
      `denied request: Cannot write ${kind.toLowerCase()}s "`,
    );
  });

  it.each<[string, ApiRequest]>([
    ['changed', patch(`${path}/owned`, { metadata: { annotations: { a: 'b' } } })],
    ['deleted', dryRun({ method: 'DELETE', path: `${path}/owned` })],
  ])('can be %s by the operator', async (_, request) => {
    expect(await rejection(operator, request)).toBe('');
  });
});

it('a Service of somebody else is theirs', async () => {
  await create(neighbour, service('theirs'));
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/services/theirs`;
  expect(await rejection(neighbour, dryRun({ method: 'DELETE', path }))).toBe('');
  expect(await rejection(neighbour, patch(path, { metadata: { labels: OWNED } }))).toContain(
    'Cannot write services',
  );
});

describe('a policy', () => {
  const policies = `${OURS}/networkpolicies`;
  const policy = (name: string) => ({
    apiVersion: 'sallyport.dev/v1alpha1',
    kind: 'NetworkPolicy',
    metadata: { name },
    spec: { egress: { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS' } } },
  });
  const removal = (name: string): ApiRequest => ({ method: 'DELETE', path: `${policies}/${name}` });

  beforeAll(async () => {
    await create(operator, policy('default-policy'));
    for (const name of ['acme', 'spare']) await create(scene.as['account-admin'], policy(name));
    await create(scene.as['account-admin'], {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'PolicyAssignment',
      metadata: { name: READY },
      spec: { networkPolicyId: 'acme' },
    });
    await until('the assignment to be seen', async () =>
      (await rejection(scene.root, dryRun(removal('acme')))) === '' ? 'it is not' : '',
    );
  });

  it('that is the default cannot be deleted, by nobody', async () => {
    expect(await rejection(scene.root, dryRun(removal('default-policy')))).toContain(
      'Cannot delete NetworkPolicy "default-policy": it applies to workspaces without an assignment',
    );
  });

  it('that is assigned cannot be deleted, and the sentence names the workspace and the way out', async () => {
    expect(await rejection(scene.as['account-admin'], dryRun(removal('acme')))).toContain(
      `Cannot delete NetworkPolicy "acme": workspace "${READY}" is assigned to it. Assign another one first; where "kubectl delete -f" deletes both, run it a second time`,
    );
  });

  it('that is not assigned can be deleted', async () => {
    expect(await rejection(scene.as['account-admin'], dryRun(removal('spare')))).toBe('');
  });

  it('that was assigned can be deleted by a second pass', async () => {
    const path = `${OURS}/policyassignments/${READY}`;
    await scene.as['account-admin'].request({ method: 'DELETE', path });
    await until('the second pass', () => rejection(scene.as['account-admin'], removal('acme')));
    expect(await rejection(scene.root, { method: 'GET', path: `${policies}/acme` })).toContain('not found');
  });
});

describe('a GatewayReport', () => {
  const path = `${OURS}/namespaces/${SYSTEM_NAMESPACE}/gatewayreports`;
  const apply = (name: string, ready: boolean, direction = 'EGRESS'): ApiRequest => ({
    method: 'PATCH',
    path: `${path}/${name}`,
    query: { fieldManager: 'test', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'GatewayReport',
      metadata: { name },
      spec: { ready, direction, renewTime: '2027-01-31T00:00:00Z' },
    },
  });
  let gateway: KubernetesApi;
  let rest: KubernetesApi;
  let unbound: KubernetesApi;

  beforeAll(async () => {
    for (const [name, serviceAccountName] of [
      ['gateway-a', GATEWAY_ACCOUNT],
      ['gateway-b', GATEWAY_ACCOUNT],
      ['api-a', API_ACCOUNT],
    ] as const)
      await create(scene.root, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, ...home },
        spec: { serviceAccountName, containers: [{ name: 'main', image: 'none.invalid/main' }] },
      });
    const { controlPlane, connect } = scene;
    const as = async (account: string, pod?: string) =>
      connect(await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, account, pod));
    gateway = await as(GATEWAY_ACCOUNT, 'gateway-a');
    unbound = await as(GATEWAY_ACCOUNT);
    rest = await as(API_ACCOUNT, 'api-a');
  });

  it('is written and changed by the pod of its name', async () => {
    expect(await rejection(gateway, apply('gateway-a', true))).toBe('');
    expect(await rejection(gateway, apply('gateway-a', false))).toBe('');
    expect(await rejection(rest, apply('api-a', true, 'API'))).toBe('');
  });

  it.each([
    ['another gateway', () => gateway, 'gateway-b', 'EGRESS'],
    ['a gateway as one of ingress', () => gateway, 'gateway-a', 'INGRESS'],
    ['a gateway as the REST API', () => gateway, 'gateway-a', 'API'],
    ['the REST API for a gateway', () => rest, 'gateway-b', 'API'],
    ['the REST API as a gateway', () => rest, 'api-a', 'EGRESS'],
    ['the REST API as a gateway of ingress', () => rest, 'api-a', 'INGRESS'],
    ['a token that is bound to no pod', () => unbound, 'gateway-a', 'EGRESS'],
    ['somebody else', () => neighbour, 'gateway-b', 'EGRESS'],
  ])('is not written by %s', async (_, writer, name, direction) => {
    expect(await rejection(writer(), apply(name, true, direction))).toContain(
      `Cannot write GatewayReport "${name}": only the pod of that name may`,
    );
  });
});
