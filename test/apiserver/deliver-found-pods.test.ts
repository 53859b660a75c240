// The order in which pods that exist when their Namespace becomes a workspace get their lanes, on a real API server with
// the generated policies: for generated pods, of which some start meanwhile, and for leaders that die after any write.
// What happened is read from the watches.
import fc from 'fast-check';
import { type Delivery, deliver } from '../../operator/deliver/kubernetes/deliver.ts';
import { ObjectWriter } from '../../operator/deliver/kubernetes/object-writer.ts';
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { KUBE_NETWORK_POLICIES, PODS, WRITTEN_RESOURCES } from '../../operator/model/cluster-resources.ts';
import {
  LANE_LABEL,
  MOVED_AT_ANNOTATION,
  MOVED_FROM_ANNOTATION,
  STAMP_ANNOTATION,
} from '../../operator/model/stamp.ts';
import { SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../operator/pipeline.ts';
import { ClusterSource } from '../../operator/sources/kubernetes/cluster-source.ts';
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
import { type Change, ClusterHistory } from '../support/cluster/cluster-history.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';
import { until as untilTrue } from '../support/until.ts';

const RUNS = 12;
const SEED = 20270131;
const MOST_PASSES = 40;
const SETTINGS = {
  systemNamespace: SYSTEM_NAMESPACE,
  clusterDomain: 'cluster.local',
  clusterDns: [],
  apiServerEgress: 'ipBlock' as const,
  canaryNamespace: undefined,
};
const nothing = (): void => undefined;

let scene: AdmissionScene;
let history: ClusterHistory;
let source: ClusterSource;

beforeAll(async () => {
  scene = await startAdmissionScene();
  history = await ClusterHistory.connect(scene.controlPlane.adminKubeconfig);
  const options = { api: scene.operator, systemNamespace: SYSTEM_NAMESPACE };
  source = new ClusterSource({ ...options, onChange: nothing, onFailure: nothing });
  source.start();
  await untilTrue('the source has seen everything', () => source.hasSynced());
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(async () => {
  await source.stop();
  await history.close();
  await scene.stop();
});

interface FoundPod {
  readonly isOnNode: boolean;
  /** Before its Namespace becomes a workspace, after so many writes of the operator, or never. */
  readonly starts: 'before' | 'never' | number;
}

interface Story {
  readonly pods: readonly FoundPod[];
  /** The leaders die after so many writes; the last one lives. */
  readonly deaths: readonly number[];
}

const story: fc.Arbitrary<Story> = fc.record({
  pods: fc.array(
    fc.record({
      isOnNode: fc.oneof({ arbitrary: fc.constant(false), weight: 4 }, fc.constant(true)),
      starts: fc.oneof(fc.constantFrom('before' as const, 'never' as const), fc.nat(24)),
    }),
    { minLength: 2, maxLength: 5 },
  ),
  deaths: fc.array(fc.nat(20), { maxLength: 4 }),
});

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

async function start(path: string): Promise<void> {
  const container = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0 };
  const containerStatuses = [{ ...container, state: { running: {} } }];
  await scene.root.request(merge(`${path}/status`, { status: { phase: 'Running', containerStatuses } }));
}

/** One leader, from its first pass to its death. Resolves with whether the workspace is ready. */
async function lead(home: string, writesLeft: number, onWrite: () => Promise<void>): Promise<boolean> {
  let left = writesLeft;
  const isLeader = (): boolean => left > 0;
  const api: KubernetesApi = {
    ...scene.operator,
    request: async (request) => {
      if (request.method !== 'GET') {
        left -= 1;
        await onWrite();
      }
      return scene.operator.request(request);
    },
  };
  const delivery: Delivery = {
    api,
    writer: new ObjectWriter({
      ...{ api, resources: WRITTEN_RESOURCES, mayWrite: isLeader, onWrite: nothing },
      versionedKinds: ['EgressTable', 'WorkspacePlan', 'IngressPlan'],
    }),
    lease: { isLeader },
    recorder: { record: async () => undefined },
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  };
  for (let pass = 0; isLeader() && pass < MOST_PASSES; pass += 1) {
    const { state, observed } = source.read();
    await deliver(operatorOutputs(state, SETTINGS, NOTHING_REMEMBERED), observed, delivery);
    const { metadata } = (await scene.root.request({
      method: 'GET',
      path: `/api/v1/namespaces/${home}`,
    })) as Change['object'];
    if (metadata.annotations?.[STAMP_ANNOTATION] !== undefined) return true;
  }
  return false;
}

async function live(home: string, { pods, deaths }: Story): Promise<void> {
  const path = `/api/v1/namespaces/${home}/pods`;
  await create(scene.root, namespace(home, {}));
  await until('pods to be admitted', () =>
    rejection(scene.root, dryRun({ method: 'POST', path, body: podOf(home, {}) })),
  );
  for (const [at, { isOnNode, starts }] of pods.entries()) {
    const spec = isOnNode ? { hostNetwork: true } : {};
    await create(scene.root, podOf(home, { name: `pod-${at}`, spec }));
    if (starts === 'before') await start(`${path}/pod-${at}`);
  }
  const labels = { [WORKSPACE_LABEL]: home };
  await scene.root.request(merge(`/api/v1/namespaces/${home}`, { metadata: { labels } }));
  await untilTrue('the source has seen the workspace', () =>
    source
      .read()
      .state.snapshot.objects.some(({ kind, metadata }) => kind === 'Workspace' && metadata.name === home),
  );
  let writes = 0;
  const onWrite = async (): Promise<void> => {
    const now = writes;
    writes += 1;
    for (const [at, { starts }] of pods.entries()) if (starts === now) await start(`${path}/pod-${at}`);
  };
  for (const death of deaths) if (await lead(home, death, onWrite)) return;
  expect(await lead(home, Number.POSITIVE_INFINITY, onWrite)).toBe(true);
}

const isRunning = (object: Change['object']): boolean =>
  (object as unknown as { readonly status?: { readonly phase?: string } }).status?.phase === 'Running';
const isInLane = (lane: string) => (object: Change['object']) =>
  object.metadata.labels?.[LANE_LABEL] === lane;
const saysMove = ({ metadata: { annotations = {} } }: Change['object']): boolean =>
  annotations[MOVED_FROM_ANNOTATION] === 'full' && (annotations[MOVED_AT_ANNOTATION] ?? '') !== '';

/** What became of it; throws where that is not as it should be. */
function fateOf({ isOnNode, starts }: FoundPod, changes: readonly Change[], isolated: bigint) {
  const since = (has: (object: Change['object']) => boolean): bigint | undefined =>
    changes.find(({ object }) => has(object))?.version;
  const [startedAt, exemptAt, heldAt] = [
    since(isRunning),
    since(isInLane('full')),
    since(isInLane('sealed')),
  ];
  const is = { exempt: exemptAt !== undefined, held: heldAt !== undefined };
  if (isOnNode) {
    expect(is).toEqual({ exempt: true, held: false });
    return 'on their node';
  }
  if (starts === 'before') expect(is).toEqual({ exempt: true, held: false });
  if (startedAt === undefined) expect(is).toEqual({ exempt: false, held: true });
  if (exemptAt !== undefined) {
    expect([is.held, exemptAt < isolated, (startedAt ?? isolated) < exemptAt]).toEqual([false, true, true]);
    return 'exempt';
  }
  if (heldAt === undefined) return 'without a lane';
  expect(heldAt).toBeGreaterThan(isolated);
  expect(changes.filter(({ object }) => isInLane('sealed')(object) && !saysMove(object))).toEqual([]);
  return 'held';
}

it(
  'isolation comes before the lane of one that waits, and after it none is exempt, whenever a leader dies',
  async () => {
    const counts = { exempt: 0, held: 0, 'without a lane': 0, 'on their node': 0, deaths: 0 };
    let next = 0;
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const home = `story-${next++}`;
        const begin = await history.now();
        await live(home, told);
        const [policies = [], pods = []] = await Promise.all(
          [KUBE_NETWORK_POLICIES, PODS].map(async (kind) =>
            (await history.since(begin, kind)).filter(({ object }) => object.metadata.namespace === home),
          ),
        );
        const isolated =
          policies.find(({ object }) => object.metadata.name === 'sallyport-isolation')?.version ?? 0n;
        expect(isolated).toBeGreaterThan(0n);
        counts.deaths += told.deaths.length;
        for (const [at, pod] of told.pods.entries()) {
          const own = pods.filter(({ object }) => object.metadata.name === `pod-${at}`);
          counts[fateOf(pod, own, isolated)] += 1;
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} stories:`, counts);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);
