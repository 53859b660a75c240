// Pods that go past their lane through their node: generated specs on a real API server, in every lane; the same pods
// made before their Namespace became a workspace, at a gate that somebody removes; and debug containers. Every kind of
// volume that this API server knows is tried.
import fc from 'fast-check';
import { exemptPods, holdFoundPods } from '../../operator/deliver/kubernetes/exempt-pods.ts';
import { PodWriteMemory } from '../../operator/deliver/kubernetes/pod-write-memory.ts';
import type { ApiRequest } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { LANE_LABEL, PRODUCT_LABEL } from '../../operator/model/stamp.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import { debugContainers, FOREIGN, type Generated, LOCAL, podSpecs } from '../fixtures/pod-specs.ts';
import {
  type AdmissionScene,
  create,
  createPod,
  dryRun,
  GRANTED,
  namespace,
  podOf,
  READY,
  READY_ANNOTATIONS,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const SEED = 20270131;
const RUNS = 250;
const FOUND = 80;
/** It becomes a workspace, and was none. */
const JOINING = 'joining';
const JOINING_PODS = `/api/v1/namespaces/${JOINING}/pods`;

const all = ({ openings }: Pick<Generated, 'openings'>): readonly string[] => openings;
const network = ({ openings }: Pick<Generated, 'openings'>): readonly string[] =>
  openings.filter((opening) => opening === 'hostNetwork');

/** By product and account in READY; what matters there. */
const LANES = [
  ['enforced', 'GENERAL', 'default', all],
  ['sealed', 'PROVISIONED_THROUGHPUT', 'default', all],
  ['enforced, since dry-run was not granted', 'DBSQL', 'default', all],
  ['dry-run', 'DBSQL', GRANTED, network],
  ['full', 'ML_BUILD', GRANTED, () => []],
] as const;

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

function denied(what: string, openings: readonly string[], home: string): string {
  return `Cannot ${what} with ${openings.join(', ')} in workspace "${home}": that goes past its lane, through the node. Leave it out`;
}

it('the kinds of volumes are all that this API server knows', async () => {
  const document = (await scene.root.request({ method: 'GET', path: '/openapi/v3/api/v1' })) as {
    readonly components: {
      readonly schemas: Readonly<Record<string, { readonly properties: Readonly<Record<string, unknown>> }>>;
    };
  };
  const { name: _, ...kinds } = document.components.schemas['io.k8s.api.core.v1.Volume']?.properties ?? {};
  expect([...Object.keys(LOCAL), ...Object.keys(FOREIGN)].toSorted()).toEqual(Object.keys(kinds).toSorted());
});

it.each(Object.entries({ ...LOCAL, ...FOREIGN }))('a volume of kind %s', async (kind, body) => {
  const spec = { volumes: [{ name: 'data', [kind]: body }] };
  const sentence = await rejection(scene.as.edit, createPod(READY, { spec }));
  if (kind in LOCAL) expect(sentence).toBe('');
  else expect(sentence).toContain(denied('start a pod', [`volume "data" of kind "${kind}"`], READY));
  const labels = { [PRODUCT_LABEL]: 'ML_BUILD' };
  const open = { labels, spec: { ...spec, serviceAccountName: GRANTED } };
  expect(await rejection(scene.as.edit, createPod(READY, open))).toBe('');
});

it(
  'a pod starts exactly where nothing in it goes past its lane, and the answer names all that does',
  async () => {
    const counts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        podSpecs,
        fc.constantFrom(...LANES),
        async (pod, [lane, product, account, matters]) => {
          const spec = { ...pod.spec, serviceAccountName: account };
          const labels = { [PRODUCT_LABEL]: product };
          const sentence = await rejection(scene.as.edit, createPod(READY, { labels, spec }));
          const past = matters(pod);
          const key = `${lane}: ${past.length > 0 ? 'denied' : 'started'}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
          if (past.length === 0) expect(sentence).toBe('');
          else expect(sentence).toContain(denied('start a pod', past, READY));
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} pods:`, Object.fromEntries([...counts].toSorted()));
    expect(counts.size).toBe(2 * LANES.length - 1);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);

it(
  'a debug container joins a pod exactly where nothing in it goes past the lane of the pod',
  async () => {
    const pods = [
      ['debug-enforced', 'GENERAL', 'default', all],
      ['debug-dry-run', 'DBSQL', GRANTED, () => []],
      ['debug-full', 'ML_BUILD', GRANTED, () => []],
    ] as const;
    for (const [name, product, serviceAccountName] of pods) {
      const labels = { [PRODUCT_LABEL]: product };
      await create(scene.as.edit, podOf(READY, { name, labels, spec: { serviceAccountName } }));
    }
    const counts = { joined: 0, denied: 0 };
    await fc.assert(
      fc.asyncProperty(
        debugContainers('debug'),
        fc.constantFrom(...pods),
        async (part, [name, , , matters]) => {
          const path = `/api/v1/namespaces/${READY}/pods/${name}/ephemeralcontainers`;
          const request = dryRun(merge(path, { spec: { ephemeralContainers: [part.body] } }));
          const sentence = await rejection(scene.as.lead, request);
          const past = matters(part);
          counts[past.length > 0 ? 'denied' : 'joined'] += 1;
          if (past.length === 0) expect(sentence).toBe('');
          else expect(sentence).toContain(denied(`add a debug container to pod "${name}"`, past, READY));
        },
      ),
      { numRuns: 100, seed: SEED },
    );
    console.log(`seed ${SEED}, 100 debug containers:`, counts);
    expect(Math.min(counts.joined, counts.denied)).toBeGreaterThan(5);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);

describe('pods at a gate when their Namespace becomes a workspace', () => {
  const pods = fc
    .sample(podSpecs, { numRuns: FOUND, seed: SEED })
    .map((pod, at) => ({ ...pod, name: `pod-${at}` }));

  /** Past no lane, and not admitted to a workspace all the same. */
  const CRITICAL = { name: 'critical', spec: { priorityClassName: 'system-cluster-critical' } };

  beforeAll(async () => {
    const { root } = scene;
    await create(root, namespace(JOINING, {}));
    const gated = (name: string, spec: object) =>
      podOf(JOINING, { name, spec: { ...spec, schedulingGates: [{ name: 'example.com/quota' }] } });
    await until('pods to be admitted', () =>
      rejection(root, dryRun({ method: 'POST', path: JOINING_PODS, body: gated('first', {}) })),
    );
    for (const { name, spec } of [...pods, CRITICAL]) await create(root, gated(name, spec));
    await root.request(
      merge(`/api/v1/namespaces/${JOINING}`, { metadata: { labels: { [WORKSPACE_LABEL]: '107' } } }),
    );
  }, CONTROL_PLANE_TIMEOUT_MS);

  const removeGate = (name: string): Promise<string> =>
    rejection(scene.root, dryRun(merge(`${JOINING_PODS}/${name}`, { spec: { schedulingGates: null } })));

  async function expectDenied(): Promise<void> {
    const wrong: string[] = [];
    for (const { name, openings } of pods) {
      const sentence = await removeGate(name);
      const what = `remove a scheduling gate of pod "${name}"`;
      const isRight =
        openings.length === 0 ? sentence === '' : sentence.includes(denied(what, openings, JOINING));
      if (!isRight) wrong.push(`${name} (${openings.join(', ')}): ${sentence}`);
    }
    expect(wrong).toEqual([]);
  }

  it(
    'do not leave it before the workspace is ready where they go past their lane',
    async () => {
      await until('the Namespace to be a workspace', async () => {
        const sentence = await rejection(scene.root, createPod(JOINING, {}));
        return sentence.includes('its egress isolation is still being created') ? '' : sentence;
      });
      await expectDenied();
    },
    CONTROL_PLANE_TIMEOUT_MS,
  );

  it(
    'get the lane that is true from the operator, and not another',
    async () => {
      const held: string[] = [];
      const onHeld = async ({ name }: { readonly name: string }): Promise<void> => void held.push(name);
      const recorder = { record: async () => undefined };
      const podMemory = new PodWriteMemory();
      const writing = { api: scene.operator, mayWrite: () => true, nowMs: Date.now, recorder, podMemory };
      const { count: exempt } = await exemptPods(JOINING, { ...writing, isolatesAll: false });
      const count = await holdFoundPods(JOINING, { ...writing, onHeld });
      const { items } = (await scene.root.request({ method: 'GET', path: JOINING_PODS })) as {
        readonly items: readonly {
          readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
        }[];
      };
      const lanes = new Map(items.map(({ metadata }) => [metadata.name, metadata.labels[LANE_LABEL]]));
      const wanted = [...pods, { ...CRITICAL, openings: [] as readonly string[] }].map(
        ({ name, openings }) => [name, openings.includes('hostNetwork') ? 'full' : 'sealed'] as const,
      );
      expect(lanes).toEqual(new Map(wanted));
      expect(held.toSorted()).toEqual(
        wanted
          .filter(([, lane]) => lane === 'sealed')
          .map(([name]) => name)
          .toSorted(),
      );
      expect([exempt, count]).toEqual([wanted.length - held.length, held.length]);
      expect(exempt).toBeGreaterThan(3);
    },
    CONTROL_PLANE_TIMEOUT_MS,
  );

  it(
    'do not leave it afterwards either; all others do',
    async () => {
      const annotations = { metadata: { annotations: READY_ANNOTATIONS } };
      await scene.operator.request(merge(`/api/v1/namespaces/${JOINING}`, annotations));
      await until('the workspace to be ready', () => rejection(scene.root, createPod(JOINING, {})));
      await expectDenied();
      const gone = pods.filter(({ openings }) => openings.length > 0).length;
      console.log(`seed ${SEED}, ${FOUND} pods at a gate: ${gone} stay there`);
      expect(Math.min(gone, FOUND - gone)).toBeGreaterThan(FOUND / 10);
    },
    CONTROL_PLANE_TIMEOUT_MS,
  );

  it('do not leave it with what no new pod may have in any lane', async () => {
    expect(await removeGate('critical')).toContain('with priorityClassName "system-cluster-critical"');
  });

  it('can be changed otherwise, and deleted', async () => {
    const labels = { metadata: { labels: { mine: 'yes' } } };
    for (const { name } of pods.slice(0, 20)) {
      expect(await rejection(scene.root, dryRun(merge(`${JOINING_PODS}/${name}`, labels)))).toBe('');
      const deletion = dryRun({ method: 'DELETE', path: `${JOINING_PODS}/${name}` });
      expect(await rejection(scene.root, deletion)).toBe('');
    }
  });
});
