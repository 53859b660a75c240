// The generated roles and policies as the API server understands them: what each of our programs may do and what not,
// what people get by the built-in roles, and no expression that the server's type checker warns of.
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import {
  type AdmissionScene,
  READY,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const OURS = 'sallyport.dev';
const KUBE = 'networking.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';
const HOME = SYSTEM_NAMESPACE;

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene({ withTypeChecks: true });
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

/** Verbs, API group, resource with "/subresource" or "/name" behind a colon, Namespace ("" for everywhere). */
type Right = readonly [verbs: string, group: string, resource: string, namespace: string];

async function mayAll(user: string, [verbs, group, resource, namespace]: Right): Promise<readonly boolean[]> {
  const [path = '', name] = resource.split(':');
  const [plural, subresource] = path.split('/');
  const ask = async (verb: string): Promise<boolean> => {
    const resourceAttributes = { verb, group, resource: plural, subresource, name, namespace };
    const review = (await scene.root.request({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: { spec: { user, groups: ['system:authenticated'], resourceAttributes } },
    })) as { readonly status: { readonly allowed: boolean } };
    return review.status.allowed;
  };
  return Promise.all(verbs.split(' ').map(ask));
}

describe.each<[string, readonly Right[], readonly Right[]]>([
  [
    'sallyport-operator',
    [
      ['get list watch patch', '', 'namespaces', ''],
      ['get list watch patch', '', 'pods', ''],
      ['get list watch create patch delete', KUBE, 'networkpolicies', READY],
      ['get list watch', OURS, 'networkpolicies', ''],
      ['get list watch', OURS, 'ipaccesslists', READY],
      ['create', OURS, 'networkpolicies', ''],
      ['create patch delete', OURS, 'policyassignments', ''],
      ['patch', OURS, 'networkpolicies/status', ''],
      ['patch', OURS, 'ipaccesslists/status', READY],
      ['create patch', 'events.k8s.io', 'events', READY],
      ['get list watch', 'cilium.io', 'ciliumclusterwidenetworkpolicies', ''],
      ['get list watch', 'crd.projectcalico.org', 'globalnetworkpolicies', ''],
      ['list watch create patch delete', '', 'services', HOME],
      ['list watch create patch delete', OURS, 'egresstables', HOME],
      ['list watch create patch delete', OURS, 'workspaceplans', HOME],
      ['list watch create patch delete', OURS, 'ingressplans', HOME],
      ['list watch', OURS, 'gatewayreports', HOME],
      ['list watch', OURS, 'callerreports', HOME],
      ['get list watch create patch delete bind escalate', RBAC, 'roles:sallyport-ingress-tls', READY],
      ['get list watch create patch delete', RBAC, 'rolebindings:sallyport-ingress-tls', READY],
      ['create', 'coordination.k8s.io', 'leases', HOME],
      ['get patch', 'coordination.k8s.io', 'leases:sallyport-operator', HOME],
      ['list watch', '', 'services', 'default'],
      ['list watch', 'discovery.k8s.io', 'endpointslices', 'default'],
      ['list', '', 'services', ''],
      ['list', 'discovery.k8s.io', 'endpointslices', ''],
    ],
    [
      ['patch update delete', OURS, 'networkpolicies', ''],
      ['update', OURS, 'policyassignments', ''],
      ['use', OURS, 'products:dbsql', READY],
      ['create delete', '', 'pods', READY],
      ['create delete', '', 'namespaces', ''],
      ['get list watch', '', 'secrets', HOME],
      ['get watch create patch delete', '', 'services', READY],
      ['create patch delete', '', 'services', 'default'],
      ['get watch create patch delete', 'discovery.k8s.io', 'endpointslices', READY],
      ['get watch create patch delete', 'discovery.k8s.io', 'endpointslices', HOME],
      ['get patch delete', 'coordination.k8s.io', 'leases:sallyport-gateway', HOME],
      ['create patch delete', OURS, 'gatewayreports', HOME],
      ['create patch delete', OURS, 'callerreports', HOME],
      ['get list watch create patch delete bind escalate', RBAC, 'roles:theirs', READY],
      ['get list watch create patch delete bind escalate', RBAC, 'rolebindings:theirs', READY],
      ['bind escalate', RBAC, 'rolebindings:sallyport-ingress-tls', READY],
      ['get list watch', '', 'secrets', READY],
      ['get', 'coordination.k8s.io', 'leases', 'kube-system'],
      ['get patch delete', 'coordination.k8s.io', 'leases:theirs', HOME],
      ['create patch', 'cilium.io', 'ciliumnetworkpolicies', READY],
      ['bind escalate create', 'rbac.authorization.k8s.io', 'clusterroles', ''],
      ['impersonate', '', 'users', ''],
      ['break', OURS, 'guards', ''],
    ],
  ],
  [
    'sallyport-gateway',
    [
      ['get list watch', OURS, 'egresstables', HOME],
      ['get list watch', OURS, 'workspaceplans', HOME],
      ['get create patch', OURS, 'gatewayreports', HOME],
      ['get list watch', '', 'pods', HOME],
      ['get list watch create patch delete', 'discovery.k8s.io', 'endpointslices', HOME],
      ['create', 'coordination.k8s.io', 'leases', HOME],
      ['get patch', 'coordination.k8s.io', 'leases:sallyport-gateway', HOME],
    ],
    [
      ['create patch delete', OURS, 'egresstables', HOME],
      ['create patch delete', OURS, 'workspaceplans', HOME],
      ['list watch delete', OURS, 'gatewayreports', HOME],
      ['get list watch', OURS, 'networkpolicies', ''],
      ['break', OURS, 'guards', ''],
      ['create patch delete', '', 'pods', HOME],
      ['get list', '', 'pods', READY],
      ['create patch delete', '', 'services', HOME],
      ['get list watch create patch delete', 'discovery.k8s.io', 'endpointslices', READY],
      ['deletecollection update', 'discovery.k8s.io', 'endpointslices', HOME],
      ['get patch delete', 'coordination.k8s.io', 'leases:sallyport-operator', HOME],
      ['list', '', 'namespaces', ''],
      ['get', '', 'secrets', HOME],
    ],
  ],
  [
    'sallyport-ingress',
    [
      ['get list watch', OURS, 'ingressplans', HOME],
      ['get create patch', OURS, 'gatewayreports', HOME],
      ['list watch', '', 'services', READY],
      ['get', '', 'pods', HOME],
    ],
    [
      ['get list watch', '', 'secrets', HOME],
      ['get list watch', '', 'secrets:cert', READY],
      ['create patch delete', OURS, 'ingressplans', HOME],
      ['get list watch', OURS, 'egresstables', HOME],
      ['get list watch', OURS, 'workspaceplans', HOME],
      ['list watch delete', OURS, 'gatewayreports', HOME],
      ['get create patch', OURS, 'callerreports', HOME],
      ['get list watch', OURS, 'ipaccesslists', READY],
      ['list', '', 'namespaces', ''],
    ],
  ],
  [
    'sallyport-api',
    [
      ['get list watch', OURS, 'ingressplans', HOME],
      ['get list create patch', OURS, 'callerreports', HOME],
      ['get create patch', OURS, 'gatewayreports', HOME],
    ],
    [
      ['get list watch create patch delete', OURS, 'ipaccesslists', READY],
      ['get list watch create patch delete', OURS, 'workspaceconfs', READY],
      ['get list watch create patch delete', OURS, 'networkpolicies', ''],
      ['watch delete', OURS, 'callerreports', HOME],
      ['list watch delete', OURS, 'gatewayreports', HOME],
      ['impersonate', '', 'users', ''],
      ['get', '', 'secrets', HOME],
    ],
  ],
])('ServiceAccount %s', (account, granted, withheld) => {
  const user = `system:serviceaccount:${SYSTEM_NAMESPACE}:${account}`;

  it.each(granted)('may %s %s %s in "%s"', async (...right) => {
    expect(new Set(await mayAll(user, right))).toEqual(new Set([true]));
  });

  it.each(withheld)('may not %s %s %s in "%s"', async (...right) => {
    expect(new Set(await mayAll(user, right))).toEqual(new Set([false]));
  });
});

describe('people', () => {
  it.each<[string, string, Right]>([
    ['the built-in admin', 'admin', ['get create update patch delete', OURS, 'ipaccesslists', READY]],
    ['the built-in admin', 'admin', ['get create update patch delete', OURS, 'workspaceconfs', READY]],
    ['the built-in edit', 'edit', ['get list watch', OURS, 'ipaccesslists', READY]],
    ['an account admin', 'account-admin', ['create update delete', OURS, 'networkpolicies', '']],
    ['an account admin', 'account-admin', ['create update delete', OURS, 'policyassignments', '']],
    ['an account admin', 'account-admin', ['create update delete', OURS, 'metastores', '']],
    ['an account admin', 'account-admin', ['create update delete', OURS, 'privateendpoints', '']],
    ['an account admin', 'account-admin', ['use', OURS, 'products:dbsql', READY]],
  ])('%s (%s) may %s', async (_, user, right) => {
    // Kubernetes adds our roles to its own a little after they were created.
    await until('the roles to be aggregated', async () =>
      (await mayAll(user, right)).every(Boolean) ? '' : 'they are not',
    );
    expect(new Set(await mayAll(user, right))).toEqual(new Set([true]));
  });

  it.each<[string, string, Right]>([
    ['the built-in edit', 'edit', ['create update delete', OURS, 'ipaccesslists', READY]],
    ['the built-in admin', 'admin', ['create update delete', OURS, 'networkpolicies', '']],
    ['the built-in admin', 'admin', ['create update', OURS, 'policyassignments', '']],
    ['the built-in admin', 'admin', ['use', OURS, 'products:dbsql', READY]],
    ['the built-in admin', 'admin', ['break', OURS, 'guards', READY]],
    ['the built-in admin', 'admin', ['create patch', OURS, 'workspaceplans', READY]],
    ['an account admin', 'account-admin', ['break', OURS, 'guards', '']],
    ['an account admin', 'account-admin', ['create patch delete', OURS, 'egresstables', HOME]],
  ])('%s (%s) may not %s', async (_, user, right) => {
    expect(new Set(await mayAll(user, right))).toEqual(new Set([false]));
  });

  it('who administers a workspace cannot grant a product to its ServiceAccounts', async () => {
    const kubeconfig = await scene.controlPlane.kubeconfigFor({ user: 'admin' });
    const args = ['create', 'rolebinding', 'mine', '-n', READY, '--clusterrole=sallyport-use-dbsql'];
    const account = `--serviceaccount=${READY}:default`;
    const { stderr } = await scene.controlPlane.kubectl([...args, account], { kubeconfig });
    expect(stderr).toContain('attempting to grant RBAC permissions not currently held');
  });
});

describe('expressions', () => {
  interface Policies {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly status?: { readonly typeChecking?: { readonly expressionWarnings?: readonly unknown[] } };
    }[];
  }

  async function checks(): Promise<readonly (readonly [string, unknown])[]> {
    const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
    const { items } = (await scene.root.request({ method: 'GET', path })) as Policies;
    return items
      .filter(({ metadata }) => metadata.name.startsWith('sallyport-'))
      .map(({ metadata, status }) => [metadata.name, status?.typeChecking]);
  }

  it('are all found right by the type checker', async () => {
    await until('the type checker', async () =>
      (await checks()).every(([, check]) => check !== undefined) ? '' : 'it is not through',
    );
    const found = await checks();
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter(([, check]) => JSON.stringify(check) !== '{}')).toEqual([]);
  });
});
