// Events about denials on a real API server: on the pod and on its Deployment, on nothing that a pod only claims, few of
// them however many denials there are, and shown by kubectl; rows never wait for them.
import { pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { PODS, POLICY_ASSIGNMENTS } from '../../operator/model/cluster-resources.ts';
import type { Denial } from '../../operator/model/denial.ts';
import { DENIAL_EVENT_CONTROLLER } from '../../operator/model/system-names.ts';
import { DenialEvents } from '../../operator/roles/shared/denial-events.ts';
import { assignmentLookup } from '../../operator/sources/kubernetes/assignment-of.ts';
import { sampleDenial } from '../fixtures/denial-fixture.ts';
import { inboundBatch } from '../fixtures/inbound-fixture.ts';
import { CONTROL_PLANE_TIMEOUT_MS, installCrds } from '../support/cluster/control-plane.ts';
import { IdentityScene } from '../support/cluster/identity-scene.ts';
import { until } from '../support/until.ts';

const EVENTS: Resource = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  isNamespaced: true,
};
const DEPLOYMENTS: Resource = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  plural: 'deployments',
  isNamespaced: true,
};
const TEMPLATE = {
  metadata: { labels: { app: 'etl' } },
  spec: { containers: [{ name: 'main', image: 'example.invalid/main' }] },
};

const DENIED = { reason: 'DESTINATION_NOT_ALLOWED' } as const;

interface StoredEvent {
  readonly regarding: { readonly kind: string; readonly name: string };
  readonly reason: string;
  readonly note: string;
  readonly series?: { readonly count: number };
}

let scene: IdentityScene;
let row: Denial;
const dropped: number[] = [];

beforeAll(async () => {
  scene = await IdentityScene.start();
  await installCrds(scene.controlPlane);
  const spec = { replicas: 1, selector: { matchLabels: { app: 'etl' } }, template: TEMPLATE };
  await scene.create(DEPLOYMENTS, 'etl', { spec });
  const ip = await scene.run(await scene.podOf('etl-'));
  row = await scene.identified(ip, { ...DENIED, destination: 'api.example' });
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene?.stop());

function denialEvents(api: Pick<KubernetesApi, 'request'>): DenialEvents {
  return new DenialEvents({
    reporter: { api, controller: DENIAL_EVENT_CONTROLLER, instance: 'collector-0' },
    logger: { warn: () => undefined },
    objectsOf: (uid) => scene.identity.objectsOf(uid),
    assignmentOf: assignmentLookup(api),
    onDropped: (denials) => dropped.push(denials),
    onWrite: () => undefined,
  });
}

async function stored(destination: string): Promise<readonly StoredEvent[]> {
  const path = pathOf(EVENTS, { namespace: 'default' });
  const { items } = (await scene.root.request({ method: 'GET', path })) as { readonly items: StoredEvent[] };
  return items.filter(({ note }) => (note ?? '').includes(`${destination}:443`));
}

it('are on the pod and its Deployment, once for 10,000 equal denials, and kubectl shows them', async () => {
  const events = denialEvents(scene.own);
  events.record(Array.from({ length: 10_000 }, () => row));
  await until('both are there', async () => (await stored('api.example')).length === 2);
  await events.stop();
  const found = await stored('api.example');
  expect(found.map(({ regarding, reason, series }) => [regarding.kind, reason, series?.count])).toEqual(
    expect.arrayContaining([
      ['Pod', 'EgressDenied', 10_000],
      ['Deployment', 'EgressDenied', 10_000],
    ]),
  );
  const described = await scene.kubectl(['describe', 'pod', row.pod ?? '']);
  expect(described).toContain('EgressDenied');
  expect(described).toContain('- {destination: api.example, ports: [{port: 443, protocol: TLS}]}');
  expect(dropped).toEqual([]);
});

it('are written in the end where the API server fails at first, and none for a source that is unknown', async () => {
  let failures = 2;
  const api: Pick<KubernetesApi, 'request'> = {
    request: async (request) => {
      failures -= 1;
      if (failures >= 0) throw new Error('out of reach');
      return scene.own.request(request);
    },
  };
  const events = denialEvents(api);
  const startMs = performance.now();
  const unknown = sampleDenial(0, { who: 'UNKNOWN_SOURCE', destination: 'unknown.example' });
  events.record([unknown, { ...row, destination: 'later.example' }]);
  expect(performance.now() - startMs).toBeLessThan(100);
  await until('both are there', async () => (await stored('later.example')).length === 2);
  await events.stop();
  expect(await stored('unknown.example')).toEqual([]);
});

it('are on no PolicyAssignment that a pod names as its owner, but on the pod', async () => {
  const assignment = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'PolicyAssignment', spec: {} };
  await scene.apply(JSON.stringify({ ...assignment, metadata: { name: 'victim' } }));
  const victim = await scene.read(pathOf(POLICY_ASSIGNMENTS, { name: 'victim' }));
  const pod = await scene.create(PODS, 'forger', { spec: TEMPLATE.spec }, victim);
  const forged = await scene.identified(await scene.run(pod), { ...DENIED, destination: 'forged.example' });
  const events = denialEvents(scene.own);
  events.record([forged]);
  await until('it is there', async () => (await stored('forged.example')).length > 0);
  await events.stop();
  expect(
    (await stored('forged.example')).map(({ regarding }) => `${regarding.kind}/${regarding.name}`),
  ).toEqual(['Pod/forger']);
  expect(forged.owner).toBeNull();
});

it('are on the PolicyAssignment of a workspace for requests from outside, one for all clients', async () => {
  const assignment = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'PolicyAssignment', spec: {} };
  await scene.apply(JSON.stringify({ ...assignment, metadata: { name: 'team-a' } }));
  const events = denialEvents(scene.own);
  const progress = async () => ({ positions: new Map(), lastSequence: 0 });
  const append = async () => ({ stored: 200, duplicates: 0 });
  await events.inbound({ canRaise: true, progress, append }).append(inboundBatch(0, 200));
  const path = pathOf(EVENTS, { namespace: 'default' });
  const found = async (): Promise<readonly StoredEvent[]> => {
    const { items } = (await scene.root.request({ method: 'GET', path })) as {
      readonly items: StoredEvent[];
    };
    return items.filter(({ reason }) => reason === 'IngressDenied');
  };
  await until('it is there', async () => (await found()).length > 0);
  await events.stop();
  expect(await found()).toMatchObject([
    { regarding: { kind: 'PolicyAssignment', name: 'team-a' }, series: { count: 200 } },
  ]);
  const described = await scene.kubectl(['describe', 'policyassignment', 'team-a']);
  expect(described).toContain('IngressDenied');
});
