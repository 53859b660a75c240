// A stolen token of a gateway: generated slices and leases of its identity, which has all rights here, so that nothing
// but the admission policies stands before it. What gateways write for any workspace is accepted, with whatever
// addresses; each edit says whether it leads beyond that.
import fc from 'fast-check';
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { LANES } from '../../operator/model/lane.ts';
import {
  accountUser,
  GATEWAY_ACCOUNT,
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
  SLICE_MANAGER_LABEL,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import { gatewayEndpoints, laneEndpoints } from '../../operator/render/kubernetes/objects/lane-endpoints.ts';
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
import { type Creatable, collectionOf } from '../support/cluster/object-collection.ts';
import { mergePatch } from '../support/cluster/operator-oracle.ts';

const SEED = Number(process.env['SEED'] ?? 20270131);
const RUNS = Number(process.env['RUNS'] ?? 600);

let scene: AdmissionScene;
let gateway: Awaited<ReturnType<AdmissionScene['actingAs']>>;

beforeAll(async () => {
  scene = await startAdmissionScene();
  const user = accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT);
  gateway = await scene.actingAs(user);
  const group = 'rbac.authorization.k8s.io';
  await create(scene.root, {
    ...{ apiVersion: `${group}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'stolen' } },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: group, name: user }],
  });
  await until('the rights are there', () =>
    rejection(gateway, { method: 'GET', path: '/apis/coordination.k8s.io/v1/leases' }),
  );
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

const workspace = fc.oneof(
  fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
  fc.constantFrom('a', '0', 'a-sealed', 'x'.repeat(63)),
);

const own = fc
  .record({ workspace, lane: fc.constantFrom(...LANES), isFirst: fc.boolean() })
  .map(({ workspace: name, lane, isFirst }) => {
    const pod = { addresses: ['10.0.0.1', 'fd00::1'], serving: 'new' as const };
    const spec = { workspaceId: '1', networkPolicyId: 'p', revision: 'r', table: 't', products: [] };
    const plan = {
      ...{ kind: 'WorkspacePlan' as const, metadata: { name } },
      spec: { ...spec, lanes: [{ lane, firstPort: 8192 }] },
    };
    const slices = laneEndpoints(plan, gatewayEndpoints([pod]), SYSTEM_NAMESPACE);
    return slices[isFirst ? 0 : 1] as Creatable;
  });

const meta = (change: object) => ({ metadata: change });
const label = (name: string, value: string | null) => meta({ labels: { [name]: value } });
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x' };
const pod = { kind: 'Pod', name: 'x', namespace: SYSTEM_NAMESPACE };
const ADDRESS = { addresses: ['203.0.113.9'] };

const HARMLESS: readonly object[] = [
  {},
  { endpoints: [] },
  { ports: [{ name: 'proxy', protocol: 'TCP', port: 1 }] },
  label('team', 'x'),
  meta({ annotations: { note: 'x' } }),
];
const HARMFUL: readonly object[] = [
  ...[null, 'somebody'].flatMap((value) =>
    [MANAGED_BY_LABEL, SLICE_MANAGER_LABEL, SERVICE_NAME_LABEL].map((name) => label(name, value)),
  ),
  ...['kubernetes', 'ws', 'ws-team-enforced', 'ws-team-open-01234567'].map((name) =>
    label(SERVICE_NAME_LABEL, name),
  ),
  ...['another', 'kubernetes-ipv4'].map((name) => meta({ name })),
  meta({ namespace: READY }),
  meta({ namespace: 'default' }),
  meta({ ownerReferences: [owner] }),
  meta({ finalizers: ['example.com/stay'] }),
  ...[{ nodeName: 'node-1' }, { targetRef: pod }, { hostname: 'x' }].map((more) => ({
    endpoints: [{ ...ADDRESS, ...more }],
    addressType: 'IPv4',
  })),
];

const attempt = fc.record({
  slice: own,
  edits: fc.array(fc.constantFrom(...HARMLESS), { maxLength: 2 }),
  harm: fc.option(fc.constantFrom(...HARMFUL), { nil: undefined }),
  isApply: fc.boolean(),
});

function written(object: Creatable, isApply: boolean): ApiRequest {
  const collection = collectionOf(object);
  if (!isApply) return dryRun({ method: 'POST', path: collection, body: object });
  return dryRun({
    method: 'PATCH',
    path: `${collection}/${object.metadata.name}`,
    query: { fieldManager: 'sallyport-gateway', force: 'true' },
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
}

test(
  'it writes slices of lanes, and no others',
  async () => {
    const counts = { accepted: 0, rejected: 0 };
    await fc.assert(
      fc.asyncProperty(attempt, async ({ slice, edits, harm, isApply }) => {
        const changes = [...edits, ...(harm === undefined ? [] : [harm])];
        const edited = changes.reduce<unknown>(mergePatch, slice) as Creatable;
        const answer = await rejection(gateway, written(edited, isApply));
        counts[answer === '' ? 'accepted' : 'rejected'] += 1;
        const isByPolicy = answer.includes("ValidatingAdmissionPolicy 'sallyport-");
        expect([isByPolicy, answer === '', edited]).toEqual([harm !== undefined, harm === undefined, edited]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} slices:`, counts);
    expect(Math.min(counts.accepted, counts.rejected)).toBeGreaterThan(RUNS / 10);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);

describe('of slices that are there', () => {
  const theirs: Creatable = {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints: [] },
    metadata: { name: 'theirs', namespace: SYSTEM_NAMESPACE },
  };
  const [ours] = fc.sample(own, { numRuns: 1, seed: SEED }) as [Creatable];
  const pathTo = (object: Creatable): string => `${collectionOf(object)}/${object.metadata.name}`;
  const elsewhere: Creatable = { ...ours, metadata: { ...ours.metadata, namespace: READY } };

  beforeAll(async () => {
    await create(scene.root, theirs);
    await create(scene.root, elsewhere);
    await create(gateway, ours);
  });

  const labels = { [MANAGED_BY_LABEL]: 'sallyport' };
  it.each<[string, string, ApiRequest]>([
    ['deletes those of lanes', '', { method: 'DELETE', path: pathTo(ours) }],
    ['deletes no other', 'Cannot write EndpointSlice "theirs"', { method: 'DELETE', path: pathTo(theirs) }],
    ['deletes none elsewhere', 'Cannot write EndpointSlice', { method: 'DELETE', path: pathTo(elsewhere) }],
    [
      'takes no other over',
      'Cannot write EndpointSlice "theirs"',
      {
        ...{ method: 'PATCH', path: pathTo(theirs), contentType: 'application/merge-patch+json' },
        body: { metadata: { labels } },
      },
    ],
  ])('it %s', async (_, answer, request) => {
    const said = await rejection(gateway, dryRun(request));
    expect(answer === '' ? said : said.includes(answer)).toBe(answer === '' ? '' : true);
  });
});

it.each([
  ['sallyport-gateway', SYSTEM_NAMESPACE, true],
  ['sallyport-operator', SYSTEM_NAMESPACE, false],
  ['theirs', SYSTEM_NAMESPACE, false],
  ['sallyport-gateway', 'kube-system', false],
])('of Lease "%s" in "%s", it may write: %s', async (name, namespace, isAllowed) => {
  const lease: Creatable = {
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace } },
    spec: { holderIdentity: 'me' },
  };
  for (const isApply of [false, true]) {
    const answer = await rejection(gateway, written(lease, isApply));
    expect(answer === '' || !answer.includes('gateways of Sallyport write only Lease')).toBe(isAllowed);
  }
});
