// Pods that somebody with the role edit fills until the API server stores no change of them, on a real one with the
// generated policies: in a workspace nobody can any more, and one that was filled before keeps isolation from no other.
import type { EventToRecord } from '../../operator/deliver/kubernetes/event-requests.ts';
import { exemptPods, holdFoundPods } from '../../operator/deliver/kubernetes/exempt-pods.ts';
import { holdPods } from '../../operator/deliver/kubernetes/hold-pods.ts';
import { isolateStalePods } from '../../operator/deliver/kubernetes/isolate-stale-pods.ts';
import { type PodRefused, PodWriteMemory } from '../../operator/deliver/kubernetes/pod-write-memory.ts';
import type { KubernetesMeta } from '../../operator/lib/kubernetes/api-object.ts';
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { BREAK_GLASS_ANNOTATION, LANE_LABEL } from '../../operator/model/stamp.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import { stampedPod } from '../fixtures/cluster-fixture.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  namespace,
  podOf,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const MOST = 262_144;
const FULL = { note: 'x'.repeat(MOST - 'note'.length) };
const ROOM = { note: 'x'.repeat(MOST - 8192 - 'note'.length) };
/** As many as there is room for, of which an expression cannot look at each. */
const TINY = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [at.toString(36), '']));
const OWNER = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' };

let scene: AdmissionScene;
beforeAll(async () => {
  scene = await startAdmissionScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

const laneOf = (home: string, name: string): ApiRequest =>
  merge(podPath(home, name), { metadata: { labels: { [LANE_LABEL]: 'dry-run' } } });

const podPath = (home: string, name: string): string => `/api/v1/namespaces/${home}/pods/${name}`;

async function read(home: string, name: string): Promise<KubernetesMeta> {
  const answer = await scene.root.request({ method: 'GET', path: podPath(home, name) });
  return (answer as { readonly metadata: KubernetesMeta }).metadata;
}

async function start(home: string, name: string): Promise<void> {
  const container = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0 };
  const containerStatuses = [{ ...container, state: { running: {} } }];
  await scene.root.request(
    merge(`${podPath(home, name)}/status`, { status: { phase: 'Running', containerStatuses } }),
  );
}

/** Owner references as long as the server stores them, to the byte; before admission limits them. */
async function exhaust(path: string): Promise<void> {
  let [most, least] = [1_500_000, 1_600_000];
  while (least - most > 1) {
    const length = Math.floor((most + least) / 2);
    const ownerReferences = [{ ...OWNER, kind: 'K'.repeat(length) }];
    const isStored = (await rejection(scene.root, merge(path, { metadata: { ownerReferences } }))) === '';
    [most, least] = isStored ? [length, least] : [most, length];
  }
}

/** A Namespace with these pods, which becomes a workspace after that was written to them. */
async function becomeWorkspace(
  home: string,
  fills: Readonly<Record<string, object>>,
  before: () => Promise<void> = async () => undefined,
): Promise<void> {
  await create(scene.root, namespace(home, {}));
  await until('pods to be admitted', () =>
    rejection(
      scene.root,
      dryRun({ method: 'POST', path: `/api/v1/namespaces/${home}/pods`, body: podOf(home, {}) }),
    ),
  );
  for (const [name, metadata] of Object.entries(fills)) {
    await create(scene.root, podOf(home, { name }));
    await scene.root.request(merge(podPath(home, name), { metadata }));
  }
  await before();
  const labels = { [WORKSPACE_LABEL]: home };
  await scene.root.request(merge(`/api/v1/namespaces/${home}`, { metadata: { labels } }));
  await until('the workspace to be known', async () => {
    const sentence = await rejection(
      scene.root,
      dryRun({ method: 'POST', path: `/api/v1/namespaces/${home}/pods`, body: podOf(home, { name: 'new' }) }),
    );
    return sentence.includes('isolation is still being created') ? '' : sentence;
  });
}

function writingOf(api: KubernetesApi = scene.operator) {
  const events: EventToRecord[] = [];
  const recorder = { record: async (event: EventToRecord) => void events.push(event) };
  const podMemory = new PodWriteMemory();
  const atMs = Date.now();
  return { events, writing: { api, mayWrite: () => true, nowMs: () => atMs, recorder, podMemory } };
}

it('in a workspace nobody fills a pod, and whoever has filled one before can empty it', async () => {
  const patch = (metadata: object) =>
    rejection(scene.as.edit, dryRun(merge(podPath(READY, 'small'), { metadata })));
  await create(scene.root, podOf(READY, { name: 'small' }));
  const finalizers = Array.from({ length: 33 }, (_, at) => `example.com/f${at}`);
  const labels = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`l${at}`, '']));
  const owners = Array.from({ length: 33 }, (_, at) => ({ ...OWNER, uid: `${at}` }));
  expect(
    await Promise.all([
      patch({ annotations: ROOM }),
      patch({ annotations: { note: `${ROOM.note}x` } }),
      patch({ annotations: TINY }),
      patch({ ownerReferences: [OWNER] }),
      patch({ ownerReferences: [{ ...OWNER, kind: 'K'.repeat(254) }] }),
      patch({ ownerReferences: owners }),
      patch({ labels }),
      patch({ finalizers }),
    ]),
  ).toEqual([
    '',
    expect.stringContaining(
      'Cannot set metadata.annotations of a pod in workspace "analytics" to more than 253952',
    ),
    expect.stringContaining('entries in metadata.annotations of a pod in workspace "analytics"'),
    '',
    expect.stringContaining('metadata.ownerReferences of a pod in workspace "analytics" with an apiVersion'),
    expect.stringContaining('Cannot set 33 entries in metadata.ownerReferences'),
    expect.stringContaining('entries in metadata.labels'),
    expect.stringContaining('Cannot set 33 entries in metadata.finalizers'),
  ]);
  const body = podOf(READY, { name: 'born-full', annotations: FULL });
  const path = `/api/v1/namespaces/${READY}/pods`;
  expect(await rejection(scene.as.edit, dryRun({ method: 'POST', path, body }))).toContain('253952');
});

/** The server stores no change of the pod there, as if there were no room at all. */
function refusing(path: string): KubernetesApi {
  const labels = { x: 'not a value' };
  const isRefused = ({ method, path: asked }: ApiRequest): boolean => method === 'PATCH' && asked === path;
  return {
    ...scene.operator,
    request: (request) =>
      scene.operator.request(isRefused(request) ? { ...request, body: { metadata: { labels } } } : request),
  };
}

it('one that is full keeps isolation from none, and gets its lane where any change of it is stored', async () => {
  const home = 'filled';
  const fills = { plain: {}, full: { annotations: FULL }, tiny: { annotations: TINY }, huge: {} };
  await becomeWorkspace(home, {
    ...fills,
    waits: {},
    'waits-full': { annotations: FULL },
    'waits-tiny': { annotations: TINY },
  });
  for (const name of Object.keys(fills)) await start(home, name);
  const { events, writing } = writingOf(refusing(podPath(home, 'huge')));
  expect(await exemptPods(home, { ...writing, isolatesAll: false })).toMatchObject({ count: 3 });
  expect(await holdFoundPods(home, { ...writing, onHeld: async () => undefined })).toBe(3);
  const names = ['plain', 'full', 'tiny', 'huge', 'waits', 'waits-full', 'waits-tiny'];
  const lanes = await Promise.all(names.map(async (name) => (await read(home, name)).labels?.[LANE_LABEL]));
  expect(lanes).toEqual(['full', 'full', 'full', undefined, 'sealed', 'sealed', 'sealed']);
  expect(events.map(({ reason, regarding, note }) => [reason, regarding.name, note])).toEqual([
    [
      'PodNotLabelled',
      'huge',
      expect.stringContaining('it is isolated without a lane and reaches nothing outside'),
    ],
  ]);
  // It is not asked again at once.
  expect(await exemptPods(home, { ...writing, isolatesAll: false })).toMatchObject({ count: 0 });
  expect(events).toHaveLength(1);
  await start(home, 'tiny');
  expect(
    await rejection(
      scene.root,
      merge(podPath(home, 'full'), { metadata: { annotations: { note: 'small' } } }),
    ),
  ).toBe('');
});

it('what may pass by itself keeps isolation waiting, as before', async () => {
  const home = 'busy';
  await becomeWorkspace(home, { plain: {} });
  await start(home, 'plain');
  const { writing } = writingOf({
    ...scene.operator,
    request: (request) => (request.method === 'PATCH' ? scene.as.edit : scene.operator).request(request),
  });
  await expect(exemptPods(home, { ...writing, isolatesAll: false })).rejects.toThrow('cannot patch');
});

it('one that was filled gets a stricter lane at a deadline, and counts in its former one for 20 s', async () => {
  const home = 'due';
  await becomeWorkspace(home, { full: { annotations: FULL }, waits: { annotations: FULL } });
  await start(home, 'full');
  const annotations = { 'sallyport.dev/stamp': 'r1', 'sallyport.dev/lane': 'enforced' };
  await scene.operator.request(merge(`/api/v1/namespaces/${home}`, { metadata: { annotations } }));
  const glass = { [BREAK_GLASS_ANNOTATION]: 'lanes of a test' };
  await scene.root.request(merge(`/api/v1/namespaces/${home}`, { metadata: { annotations: glass } }));
  await until('lanes to be written', () => rejection(scene.root, dryRun(laneOf(home, 'full'))));
  for (const name of ['full', 'waits']) await scene.root.request(laneOf(home, name));
  const { writing } = writingOf();
  const podFor = async (name: string) => ({
    ...stampedPod(home, 'dry-run'),
    name,
    uid: (await read(home, name)).uid ?? '',
  });
  const [full, waits] = [await podFor('full'), await podFor('waits')];
  const work = { workload: 'w', workloadName: 'deployment/w', canRestart: true };
  const due = { pod: full, policyLane: 'enforced' as const, ...work };
  const { recorder } = writing;
  expect(await isolateStalePods([due], writing, { recorder, onIsolated: () => undefined })).toEqual([]);
  const toHold = { ...waits, from: 'dry-run', lane: 'sealed' as const };
  expect(await holdPods([toHold], writing, recorder)).toEqual([]);
  expect([
    (await read(home, 'full')).labels?.[LANE_LABEL],
    (await read(home, 'waits')).labels?.[LANE_LABEL],
  ]).toEqual(['enforced', 'sealed']);
  const [after] = writing.podMemory.complete([full], Date.now());
  expect(after).toMatchObject({ moved: { from: 'dry-run' }, isIsolated: true });
  expect((after?.moved?.settledAtMs ?? 0) - Date.now()).toBeGreaterThan(15_000);
});

it('what etcd finds too large is refused, and said', async () => {
  const home = 'huge';
  await becomeWorkspace(home, { owned: {} }, async () => {
    await start(home, 'owned');
    await exhaust(podPath(home, 'owned'));
  });
  const { events, writing } = writingOf();
  expect(await exemptPods(home, { ...writing, isolatesAll: false })).toMatchObject({ count: 0 });
  expect(events.map(({ note }) => note)).toEqual([expect.stringContaining('too large')]);
  const refused = writing.podMemory.waiting((await read(home, 'owned')).uid ?? '', Date.now()) as PodRefused;
  expect(refused.isNew).toBe(false);
});
