// Addresses that tenants choose: of Services, and of what is behind them. Services are generated, and each request is
// compared with what may be written.
import fc from 'fast-check';
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { accountUser } from '../../operator/model/system-names.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  PLAIN,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { type Creatable, collectionOf } from '../support/cluster/object-collection.ts';

const SEED = 20_261_129;
const RUNS = 300;
const GATEWAY = '10.244.1.9';
const PUBLIC = '93.184.215.14';
const HOMES = [PLAIN, READY];
interface Port {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

interface ServiceSpec {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly externalIPs: readonly string[];
  readonly ports: readonly Port[];
  readonly loadBalancerIP?: string;
}

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
  for (const home of HOMES) {
    for (const [name, spec] of Object.entries(EXISTING)) {
      await create(scene.root, serviceOf({ home, name, spec }));
    }
    await grantEndpoints(home);
  }
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

/** The built-in roles leave them to controllers; some clusters grant them all the same. */
async function grantEndpoints(home: string): Promise<void> {
  const verbs = ['create', 'update', 'patch'];
  const rules = [
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
    { apiGroups: [''], resources: ['endpoints'], verbs },
  ];
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'writer', namespace: home } };
  await create(scene.root, { ...rbac, kind: 'Role', rules });
  await create(scene.root, {
    ...rbac,
    kind: 'RoleBinding',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'writer' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'edit' }],
  });
}

interface Place {
  readonly home: string;
  readonly name: string;
}

function serviceOf({ home, name, spec }: Place & { readonly spec: object }) {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: home }, spec };
}

const port = (number: number, protocol: Port['protocol'] = 'TCP'): Port => ({
  name: `p${number}-${protocol.toLowerCase()}`,
  protocol,
  port: number,
});
const PORTS = [port(443), port(8081), port(53), port(53, 'UDP')];

/** As they were before Sallyport was installed, or as an administrator wrote them. */
const EXISTING: Readonly<Record<string, ServiceSpec>> = {
  plain: { type: 'ClusterIP', externalIPs: [], ports: [port(443)] },
  one: { type: 'ClusterIP', externalIPs: [PUBLIC], ports: [port(443), port(53)] },
  two: { type: 'NodePort', externalIPs: [PUBLIC, GATEWAY], ports: [port(443), port(53, 'UDP')] },
  balanced: { type: 'LoadBalancer', externalIPs: [], ports: [port(443)], loadBalancerIP: PUBLIC },
};

const spec: fc.Arbitrary<ServiceSpec> = fc
  .record({
    type: fc.constantFrom('ClusterIP' as const, 'NodePort' as const, 'LoadBalancer' as const),
    externalIPs: fc.subarray([PUBLIC, GATEWAY, '2001:db8::7']),
    ports: fc.subarray(PORTS, { minLength: 1 }),
    loadBalancerIP: fc.constantFrom(undefined, undefined, PUBLIC, GATEWAY),
  })
  .map(({ loadBalancerIP, ...rest }) => ({
    ...rest,
    ...(loadBalancerIP === undefined || rest.type !== 'LoadBalancer' ? {} : { loadBalancerIP }),
  }));

/** Some fields of an existing one as they were: so unrelated, narrower and wider changes are all among them. */
const change = fc.record({
  name: fc.constantFrom(...Object.keys(EXISTING)),
  changed: fc.subarray(['type', 'externalIPs', 'ports', 'loadBalancerIP'] as const),
  to: spec,
});

/** A second reading of what tenants may write. */
function mayWrite(home: string, after: ServiceSpec, before?: ServiceSpec): boolean {
  const had = (one: Port) => before?.ports.some((p) => p.port === one.port && p.protocol === one.protocol);
  const isNoWider =
    after.type === before?.type &&
    after.externalIPs.every((address) => before.externalIPs.includes(address)) &&
    after.ports.every(had);
  const keepsAddress = after.loadBalancerIP === undefined || after.loadBalancerIP === before?.loadBalancerIP;
  return (after.externalIPs.length === 0 || isNoWider) && (home === PLAIN || keepsAddress);
}

const SENTENCES = /Cannot give Service "\S+" in Namespace "\S+" addresses|Cannot choose address "\S+" for/;

/** What tenants got to hear, beside what they should. */
async function judge(request: ApiRequest, isAllowed: boolean): Promise<void> {
  for (const person of ['edit', 'admin'] as const) {
    const sentence = await rejection(scene.as[person], request);
    if (isAllowed) expect(sentence).toBe('');
    else expect(sentence).toMatch(SENTENCES);
  }
  expect(await rejection(scene.as['account-admin'], request)).toBe('');
}

test('no new Service takes an address that a tenant chose', async () => {
  const seen = new Set<boolean>();
  const service = fc.record({ home: fc.constantFrom(...HOMES), spec });
  await fc.assert(
    fc.asyncProperty(service, async (generated) => {
      const body = serviceOf({ name: 'mine', ...generated });
      const isAllowed = mayWrite(generated.home, generated.spec);
      seen.add(isAllowed);
      await judge(dryRun({ method: 'POST', path: collectionOf(body), body }), isAllowed);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(seen.size).toBe(2);
});

test('an existing one is not widened, and may be changed and narrowed otherwise', async () => {
  const seen = new Map<boolean, number>();
  const edits = fc.record({ home: fc.constantFrom(...HOMES), edit: change });
  await fc.assert(
    fc.asyncProperty(edits, async ({ home, edit: { name, changed, to } }) => {
      const before = EXISTING[name] as ServiceSpec;
      const picked = Object.fromEntries(changed.map((field) => [field, to[field] ?? null]));
      const after = merged(before, picked);
      const isAllowed = mayWrite(home, after, before);
      seen.set(isAllowed, (seen.get(isAllowed) ?? 0) + 1);
      await judge(patchOf({ home, name }, picked), isAllowed);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(Math.min(...[true, false].map((kind) => seen.get(kind) ?? 0))).toBeGreaterThan(RUNS / 10);
});

function merged(before: ServiceSpec, picked: object): ServiceSpec {
  const entries = Object.entries({ ...before, ...picked }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as unknown as ServiceSpec;
}

/** With a label too, so that it changes something. A merge patch replaces lists. */
function patchOf({ home, name }: Place, picked: object): ApiRequest {
  return dryRun({
    method: 'PATCH',
    path: `/api/v1/namespaces/${home}/services/${name}`,
    body: { metadata: { labels: { touched: 'yes' } }, spec: picked },
    contentType: 'application/merge-patch+json',
  });
}

test.each(HOMES)('in %s an address of status is neither created with a Service nor patched', async (home) => {
  const status = { loadBalancer: { ingress: [{ ip: GATEWAY }] } };
  const body = { ...serviceOf({ home, name: 'new', spec: EXISTING['plain'] as ServiceSpec }), status };
  const created = await scene.as.edit.request(
    dryRun({ method: 'POST', path: collectionOf(body as Creatable), body }),
  );
  expect(created).toMatchObject({ status: { loadBalancer: {} } });
  const patch = patchOf({ home, name: 'balanced' }, {});
  const path = `${patch.path}/status`;
  expect(await rejection(scene.as.admin, { ...patch, path, body: { status } })).toContain(
    'cannot patch resource "services/status"',
  );
});

describe('what is behind a Service', () => {
  const slice = (home: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'mine', namespace: home, labels: { 'kubernetes.io/service-name': 'plain' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [GATEWAY] }],
    ports: [{ port: 6443 }],
  });
  const endpoints = (home: string) => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'plain', namespace: home },
    subsets: [{ addresses: [{ ip: GATEWAY }], ports: [{ port: 6443 }] }],
  });
  const post = (plural: string, body: Creatable): ApiRequest => {
    const root = body.apiVersion === 'v1' ? '/api/v1' : `/apis/${body.apiVersion}`;
    return dryRun({
      method: 'POST',
      path: `${root}/namespaces/${body.metadata.namespace}/${plural}`,
      body,
    });
  };
  const both = (home: string): readonly (readonly [string, ApiRequest])[] => [
    ['endpointslices', post('endpointslices', slice(home))],
    ['endpoints', post('endpoints', endpoints(home))],
  ];

  test('is not written by tenants in workspaces, whatever their roles there say', async () => {
    for (const [plural, request] of both(READY)) {
      expect(await rejection(scene.as.edit, request)).toContain(`Cannot write ${plural} "`);
    }
    for (const [, request] of both(PLAIN)) expect(await rejection(scene.as.edit, request)).toBe('');
  });

  test('is written by who may do so everywhere, such as controllers', async () => {
    const controllers = ['endpointslice-controller', 'endpoint-controller'].map((name) =>
      scene.actingAs(accountUser('kube-system', name)),
    );
    const [slices, old] = await Promise.all(controllers);
    const [bySlice, byEndpoints] = both(READY);
    expect(await rejection(slices ?? scene.as.edit, (bySlice as [string, ApiRequest])[1])).toBe('');
    expect(await rejection(old ?? scene.as.edit, (byEndpoints as [string, ApiRequest])[1])).toBe('');
  });

  test('is still written by the controller of the cluster itself', async () => {
    const body = serviceOf({
      home: READY,
      name: 'selecting',
      spec: { ...EXISTING['plain'], selector: { app: 'web' } },
    });
    await create(scene.as.edit, body);
    const query = { labelSelector: 'kubernetes.io/service-name=selecting' };
    const path = `/apis/discovery.k8s.io/v1/namespaces/${READY}/endpointslices`;
    await until('its EndpointSlice', async () => {
      const { items } = (await scene.root.request({ method: 'GET', path, query })) as {
        readonly items: readonly unknown[];
      };
      return items.length > 0 ? '' : 'none';
    });
  });
});
