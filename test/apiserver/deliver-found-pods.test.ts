// The order in which pods that exist when their Namespace becomes a workspace get their lanes, on a real API server with
// the generated policies: for generated pods, of which some start meanwhile, for leaders that die after any write, and
// for clocks that jump. What happened is read from the watches, and while isolation waits from what is stored.
import fc from 'fast-check';
import { type Delivery, deliver } from '../../operator/deliver/kubernetes/deliver.ts';
import { ObjectWriter } from '../../operator/deliver/kubernetes/object-writer.ts';
import { PodWriteMemory } from '../../operator/deliver/kubernetes/pod-write-memory.ts';
import { pathOf } from '../../operator/lib/kubernetes/api-object.ts';
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { KUBE_NETWORK_POLICIES, PODS, WRITTEN_RESOURCES } from '../../operator/model/cluster-resources.ts';
import { SETTLING_MS } from '../../operator/model/moved-pod.ts';
import { hasStarted, type PodStatus } from '../../operator/model/pod-status.ts';
import {
  EXEMPTED_AT_ANNOTATION,
  LANE_LABEL,
  MOVED_AT_ANNOTATION,
  MOVED_FROM_ANNOTATION,
  STAMP_ANNOTATION,
} from '../../operator/model/stamp.ts';
import { HELD_ISOLATION_NAME, ISOLATION_NAME, SYSTEM_NAMESPACE } from '../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import { NOTHING_REMEMBERED, operatorOutputs } from '../../operator/pipeline.ts';
import { ClusterSource } from '../../operator/sources/kubernetes/cluster-source.ts';
import { mayReach } from '../fixtures/may-reach.ts';
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

const RUNS = 16;
const DAY_MS = 86_400_000;
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
  const options = { api: scene.operator, systemNamespace: SYSTEM_NAMESPACE, canaryNamespace: undefined };
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
  /** A pass is made so often. */
  readonly paceMs: number;
  /** Every leader's clock jumps by so much after so many passes. */
  readonly jump: { readonly pass: number; readonly byMs: number };
}

/** Time that passes as the story says, and what happened when. */
class Timeline {
  readonly #story: Story;
  #passes = 0;
  waits = 0;
  exemptedMs: number | undefined;
  isolatedMs: number | undefined;

  constructor(story: Story) {
    this.#story = story;
  }

  get realMs(): number {
    return this.#passes * this.#story.paceMs;
  }

  readonly clockMs = (): number => {
    const { pass, byMs } = this.#story.jump;
    return Date.parse('2027-01-31T00:00:00Z') + this.realMs + (this.#passes >= pass ? byMs : 0);
  };

  pass(): void {
    this.#passes += 1;
  }

  wrote(home: string, { path, body }: ApiRequest): void {
    if (!path.includes(`/namespaces/${home}/`)) return;
    const { metadata } = body as { readonly metadata?: { readonly annotations?: object } };
    if (EXEMPTED_AT_ANNOTATION in (metadata?.annotations ?? {})) this.exemptedMs = this.realMs;
    if (path.endsWith(`/${ISOLATION_NAME}`)) this.isolatedMs ??= this.realMs;
  }
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
  paceMs: fc.integer({ min: 1500, max: 9000 }),
  jump: fc.record({
    pass: fc.integer({ min: 1, max: 2 }),
    byMs: fc.oneof(fc.constant(0), fc.constantFrom(-DAY_MS, -DAY_MS, -15_000, 15_000, DAY_MS)),
  }),
});

function merge(path: string, body: unknown): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

async function start(path: string): Promise<void> {
  const container = { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0 };
  const containerStatuses = [{ ...container, state: { running: {} } }];
  await scene.root.request(merge(`${path}/status`, { status: { phase: 'Running', containerStatuses } }));
}

interface Home {
  readonly name: string;
  readonly time: Timeline;
  readonly onWrite: () => Promise<void>;
}

/** One leader, from its first pass to its death. Resolves with whether the workspace is ready. */
async function lead({ name: home, time, onWrite }: Home, writesLeft: number): Promise<boolean> {
  let left = writesLeft;
  const isLeader = (): boolean => left > 0;
  const api: KubernetesApi = {
    ...scene.operator,
    request: async (request) => {
      if (request.method !== 'GET') {
        left -= 1;
        await onWrite();
      }
      const answer = await scene.operator.request(request);
      if (request.method !== 'GET') time.wrote(home, request);
      return answer;
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
    podMemory: new PodWriteMemory(),
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    nowMs: time.clockMs,
  };
  for (let pass = 0; isLeader() && pass < MOST_PASSES; pass += 1) {
    const { state, observed } = source.read();
    const outputs = operatorOutputs(state, SETTINGS, NOTHING_REMEMBERED);
    const { settling } = await deliver(outputs, observed, delivery);
    if (isLeader() && settling.has(home)) {
      time.waits += 1;
      await expectWaiting(home);
    }
    time.pass();
    const { metadata } = (await scene.root.request({
      method: 'GET',
      path: `/api/v1/namespaces/${home}`,
    })) as Change['object'];
    if (metadata.annotations?.[STAMP_ANNOTATION] !== undefined) return true;
  }
  return false;
}

const OUTSIDE = { to: { address: '203.0.113.9' }, port: 443, protocol: 'TCP' } as const;

type StoredPod = Change['object'] & { readonly status?: PodStatus };

/** Isolation is not there for those that are exempt, also as a network sees them that has not followed; for others it is. */
async function expectWaiting(home: string): Promise<void> {
  const [policies, pods] = await Promise.all(
    [KUBE_NETWORK_POLICIES, PODS].map(async (kind) => {
      const list = await scene.root.request({ method: 'GET', path: pathOf(kind, { namespace: home }) });
      const { items } = list as { readonly items: readonly StoredPod[] };
      // In a list they do not say what they are.
      return items.map((item) => ({ ...item, apiVersion: kind.apiVersion, kind: kind.kind }));
    }),
  );
  const reaches = (labels: Readonly<Record<string, string>>): boolean =>
    mayReach(policies ?? [], { namespace: home, labels }, OUTSIDE);
  for (const { metadata, status } of pods ?? []) {
    const { labels = {} } = metadata;
    const isExempt = labels[LANE_LABEL] === 'full';
    // Whoever starts while the pass goes on is exempt with the next one.
    if (!isExempt && hasStarted(status) && labels[LANE_LABEL] === undefined) continue;
    expect([metadata.name, reaches(labels)]).toEqual([metadata.name, isExempt]);
    if (isExempt) expect(reaches({})).toBe(true);
  }
  const body = podOf(home, { name: 'new' });
  const path = pathOf(PODS, { namespace: home });
  expect(await rejection(scene.root, dryRun({ method: 'POST', path, body }))).toContain(
    'its egress isolation is still being created',
  );
}

async function live(home: string, told: Story): Promise<Timeline> {
  const { pods, deaths } = told;
  const time = new Timeline(told);
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
  const there = { name: home, time, onWrite };
  for (const death of deaths) if (await lead(there, death)) return time;
  expect(await lead(there, Number.POSITIVE_INFINITY)).toBe(true);
  return time;
}

/** As long as the network may take, and no longer; resolves with the name of what it was. */
function waitOf({ exemptedMs, isolatedMs = -1, waits }: Timeline, { paceMs, jump }: Story) {
  if (exemptedMs === undefined) {
    expect(waits).toBe(0);
    return 'no wait';
  }
  const waitedMs = isolatedMs - exemptedMs;
  expect(waitedMs).toBeLessThan(2 * SETTLING_MS + paceMs);
  if (jump.byMs !== 0) return jump.byMs === -DAY_MS ? 'a day back' : 'a jump';
  expect(waitedMs).toBeGreaterThanOrEqual(SETTLING_MS);
  expect(waitedMs).toBeLessThan(SETTLING_MS + paceMs);
  return 'a wait';
}

const isRunning = (object: Change['object']): boolean =>
  (object as unknown as { readonly status?: { readonly phase?: string } }).status?.phase === 'Running';
const isInLane = (lane: string) => (object: Change['object']) =>
  object.metadata.labels?.[LANE_LABEL] === lane;
const saysMove = ({ metadata: { annotations = {} } }: Change['object']): boolean =>
  annotations[MOVED_FROM_ANNOTATION] === 'full' && (annotations[MOVED_AT_ANNOTATION] ?? '') !== '';

/** Versions of the objects from which on all pods are isolated, and held ones are. */
interface Isolated {
  readonly isolated: bigint;
  readonly holds: bigint;
}

/** What became of it; throws where that is not as it should be. */
function fateOf({ isOnNode, starts }: FoundPod, changes: readonly Change[], since: Isolated) {
  const { isolated, holds } = since;
  const first = (has: (object: Change['object']) => boolean): bigint | undefined =>
    changes.find(({ object }) => has(object))?.version;
  const [startedAt, exemptAt, heldAt] = [
    first(isRunning),
    first(isInLane('full')),
    first(isInLane('sealed')),
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
  expect(heldAt).toBeGreaterThan(holds);
  expect(changes.filter(({ object }) => isInLane('sealed')(object) && !saysMove(object))).toEqual([]);
  return 'held';
}

it(
  'isolation comes before the lane of one that waits, and after it none is exempt, whenever a leader dies',
  async () => {
    const counts = { exempt: 0, held: 0, 'without a lane': 0, 'on their node': 0, deaths: 0 };
    const waits = { 'no wait': 0, 'a wait': 0, 'a jump': 0, 'a day back': 0 };
    let next = 0;
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const home = `story-${next++}`;
        const begin = await history.now();
        waits[waitOf(await live(home, told), told)] += 1;
        const [policies = [], pods = []] = await Promise.all(
          [KUBE_NETWORK_POLICIES, PODS].map(async (kind) =>
            (await history.since(begin, kind)).filter(({ object }) => object.metadata.namespace === home),
          ),
        );
        const [isolated = 0n, holds = isolated] = [ISOLATION_NAME, HELD_ISOLATION_NAME].map(
          (name) => policies.find(({ object }) => object.metadata.name === name)?.version,
        );
        expect(isolated).toBeGreaterThan(0n);
        counts.deaths += told.deaths.length;
        for (const [at, pod] of told.pods.entries()) {
          const own = pods.filter(({ object }) => object.metadata.name === `pod-${at}`);
          counts[fateOf(pod, own, { isolated, holds })] += 1;
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} stories:`, counts, waits);
    expect(Math.min(...Object.values({ ...counts, ...waits }))).toBeGreaterThan(0);
  },
  CONTROL_PLANE_TIMEOUT_MS,
);
