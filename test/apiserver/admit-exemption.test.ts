// Which pods may be exempt when their Namespace becomes a workspace: the operator's own reading of a pod's spec and status
// and that of the API server, over generated ones; and a container that starts between check and stamp.
import fc from 'fast-check';
import { exemptPods, holdFoundPods } from '../../operator/deliver/kubernetes/exempt-pods.ts';
import { PodWriteMemory } from '../../operator/deliver/kubernetes/pod-write-memory.ts';
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { laneAfterIsolation, laneBeforeIsolation } from '../../operator/model/found-pod.ts';
import { moveAnnotations } from '../../operator/model/moved-pod.ts';
import type { PodSpec } from '../../operator/model/pod-openings.ts';
import { hasStarted, type PodStatus } from '../../operator/model/pod-status.ts';
import { LANE_LABEL, PRODUCT_LABEL } from '../../operator/model/stamp.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import { podSpecs } from '../fixtures/pod-specs.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  namespace,
  podOf,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const HOME = 'joined';
const PODS = `/api/v1/namespaces/${HOME}/pods`;
const RUNS = 150;
const SEED = 20270131;
const SPECS = fc.sample(podSpecs, { numRuns: RUNS, seed: SEED });

let scene: AdmissionScene;

beforeAll(async () => {
  scene = await startAdmissionScene();
  const { root } = scene;
  await create(root, namespace(HOME, {}));
  await until('pods to be admitted', () =>
    rejection(root, dryRun({ method: 'POST', path: PODS, body: podOf(HOME, {}) })),
  );
  await create(root, podOf(HOME, { name: 'late' }));
  for (const [at, { spec }] of SPECS.entries()) await create(root, podOf(HOME, { name: `pod-${at}`, spec }));
  const labels = { [WORKSPACE_LABEL]: '105' };
  await root.request(merge(`/api/v1/namespaces/${HOME}`, { metadata: { labels } }));
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(() => scene.stop());

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

const setStatus = (name: string, status: object): Promise<unknown> =>
  scene.root.request(merge(`${PODS}/${name}/status`, { status }));

/** Those that the operator may give to it. */
async function lanesGiven(name: string): Promise<readonly string[]> {
  const given: string[] = [];
  for (const lane of ['full', 'enforced', 'sealed']) {
    const labels = { [LANE_LABEL]: lane, [PRODUCT_LABEL]: 'GENERAL' };
    const annotations = lane === 'full' ? {} : moveAnnotations('full', 0);
    const request = dryRun(merge(`${PODS}/${name}`, { metadata: { labels, annotations } }));
    if ((await rejection(scene.operator, request)) === '') given.push(lane);
  }
  return given;
}

const isOnNetwork = (openings: readonly string[]): boolean => openings.includes('hostNetwork');

function lanesOf(openings: readonly string[], ran: boolean): readonly string[] {
  if (isOnNetwork(openings)) return ['full'];
  return [...(ran ? ['full'] : []), ...(!ran || openings.length > 0 ? ['sealed'] : [])];
}

const exited = { exitCode: 1, startedAt: '2027-01-31T00:00:00Z', finishedAt: '2027-01-31T00:00:01Z' };
const state = fc.constantFrom(
  {},
  { waiting: { reason: 'ContainerCreating' } },
  { running: { startedAt: '2027-01-31T00:00:00Z' } },
  { terminated: exited },
);
const containers = fc.array(
  fc.record({ state, lastState: state, restartCount: fc.nat(3), started: fc.boolean(), ready: fc.boolean() }),
  { maxLength: 3 },
);
const status = fc.record({
  phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
  startTime: fc.constantFrom(null, '2027-01-31T00:00:00Z'),
  containerStatuses: containers,
  initContainerStatuses: containers,
});

/** As a kubelet sends them. */
function named(list: readonly object[]): readonly object[] {
  return list.map((one, at) => ({ name: `c${at}`, image: 'none', imageID: '', ...one }));
}

it(
  'the API server exempts a pod exactly where the operator does',
  async () => {
    const counts = { exempt: 0, held: 0, 'on their node': 0, 'past their lane': 0 };
    let next = 0;
    await fc.assert(
      fc.asyncProperty(status, async ({ containerStatuses, initContainerStatuses, ...rest }) => {
        const lists = [named(containerStatuses), named(initContainerStatuses)] as const;
        // A new one each time: a container that has ended cannot be said to run again.
        const at = next++ % RUNS;
        const { openings = [] } = SPECS[at] ?? {};
        const name = `pod-${at}`;
        const answer = await setStatus(name, {
          ...rest,
          containerStatuses: lists[0],
          initContainerStatuses: lists[1],
        });
        const pod = answer as { readonly spec: PodSpec; readonly status: PodStatus };
        const ran = hasStarted(pod.status);
        counts[ran ? 'exempt' : 'held'] += 1;
        if (openings.length > 0) counts[isOnNetwork(openings) ? 'on their node' : 'past their lane'] += 1;
        const given = await lanesGiven(name);
        expect(given).toEqual(lanesOf(openings, ran));
        const lanes = [true, false].map((isolatesAll) => laneBeforeIsolation(pod, isolatesAll));
        for (const lane of [...lanes, laneAfterIsolation(pod)]) expect([undefined, ...given]).toContain(lane);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} statuses:`, counts);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(RUNS / 20);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);

it('a container that starts between check and stamp is checked again, and stays isolated without a lane', async () => {
  const containerStatuses = named([{ ready: false, restartCount: 0, state: { running: {} } }]);
  const late: KubernetesApi = {
    ...scene.operator,
    request: async (request) => {
      if (request.path === `${PODS}/late` && request.method === 'PATCH')
        await setStatus('late', { phase: 'Running', containerStatuses });
      return scene.operator.request(request);
    },
  };
  const recorder = { record: async () => undefined };
  const podMemory = new PodWriteMemory();
  const writing = { mayWrite: () => true, nowMs: Date.now, recorder, podMemory };
  const holding = { ...writing, onHeld: async () => undefined };
  await expect(holdFoundPods(HOME, { ...holding, api: late })).rejects.toThrow(
    'Cannot give pod "late" lane "sealed": the operator of Sallyport exempts only pods without a lane',
  );
  await holdFoundPods(HOME, { ...holding, api: scene.operator });
  const laneOfLate = async (): Promise<string | undefined> => {
    const { metadata } = (await scene.root.request({ method: 'GET', path: `${PODS}/late` })) as {
      readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    };
    return metadata.labels?.[LANE_LABEL];
  };
  expect(await laneOfLate()).toBeUndefined();
  // Where nothing is isolated yet, it is exempt.
  await exemptPods(HOME, { ...writing, api: scene.operator, isolatesAll: false });
  expect(await laneOfLate()).toBe('full');
});
