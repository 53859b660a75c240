// The life of generated pods: made with any spec, found in any state when their Namespace becomes a workspace, with or
// without a wish to isolate those that run, and in any state afterwards. Whoever goes past its lane is counted.
import fc from 'fast-check';
import { clusterState } from '../../test/fixtures/cluster-fixture.ts';
import { type Generated, podSpecs } from '../../test/fixtures/pod-specs.ts';
import type { StampedPod } from '../model/cluster-state.ts';
import { type FoundPod, laneAfterIsolation, laneBeforeIsolation } from '../model/found-pod.ts';
import { LANES, type Lane } from '../model/lane.ts';
import { moveAnnotations, SETTLING_MS } from '../model/moved-pod.ts';
import type { PodSpec } from '../model/pod-openings.ts';
import type { PodStatus } from '../model/pod-status.ts';
import {
  DEFAULT_LANE_ANNOTATION,
  EXEMPTED_PRODUCT,
  LANE_LABEL,
  MOVED_AT_ANNOTATION,
  MOVED_FROM_ANNOTATION,
  PRODUCT_LABEL,
  STAMP_ANNOTATION,
} from '../model/stamp.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { stampedPodOf } from '../sources/kubernetes/trim.ts';
import { overtakenPods } from './overtaken-pods.ts';
import { restartPlan } from './restart-plan.ts';
import { nextSettled, workspaceLanes } from './stale-pods.ts';

const RUNS = 4000;
const SEED = 20270131;
const NOW_MS = Date.parse('2027-01-31T00:00:00Z');
const ran = { state: {}, lastState: { terminated: {} } };
const runs = { state: { running: {} } };
const ended = { state: { terminated: {} } };
/** By what a kubelet has said; the first three have not started. */
const STATUSES: Readonly<Record<string, PodStatus & { readonly phase: string }>> = {
  gated: { phase: 'Pending' },
  'in its init container': {
    phase: 'Pending',
    initContainerStatuses: [runs],
    containerStatuses: [{ state: {} }],
  },
  'waiting for its image': { phase: 'Pending', containerStatuses: [{ state: {} }] },
  'in a crash loop': { phase: 'Running', containerStatuses: [ran] },
  running: { phase: 'Running', containerStatuses: [runs] },
  'past its deadline': { phase: 'Failed', containerStatuses: [ended, runs] },
  'past it, in its sidecar': {
    phase: 'Failed',
    initContainerStatuses: [ended, runs],
    containerStatuses: [ended],
  },
  'done, but for a debug container': {
    phase: 'Succeeded',
    containerStatuses: [ended],
    ephemeralContainerStatuses: [runs],
  },
  failed: { phase: 'Failed', initContainerStatuses: [ended], containerStatuses: [ended] },
  ended: { phase: 'Succeeded', containerStatuses: [ended] },
};
const WAITING = Object.keys(STATUSES).slice(0, 3);
const GONE = ['failed', 'ended'];
const state = fc.constantFrom(...Object.keys(STATUSES));

interface Life {
  readonly pod: Generated;
  readonly found: string;
  readonly later: string;
  readonly isolatesAll: boolean;
  readonly planned: Lane;
}

const lives: fc.Arbitrary<Life> = fc.record({
  pod: podSpecs,
  found: state,
  later: state,
  isolatesAll: fc.boolean(),
  planned: fc.constantFrom(...LANES),
});

function planOf(lane: Lane): WorkspacePlan {
  const products = [{ product: EXEMPTED_PRODUCT, lane }];
  const spec = { workspaceId: '1', networkPolicyId: 'acme', table: 't', products, revision: 'r' };
  return { kind: 'WorkspacePlan', metadata: { name: 'team' }, spec } as WorkspacePlan;
}

/** What is said of pods that are more open than their lane. */
function moreOpen(pods: readonly StampedPod[], planned: Lane) {
  const lanes = workspaceLanes(planOf(planned), undefined);
  const plan = restartPlan({ pods, lanesOf: () => lanes, owners: new Map(), atMs: NOW_MS }).get('team');
  const { moreOpenByLane: counts, past, settlingPods: settling } = plan ?? {};
  return counts === undefined || counts.size === 0 ? undefined : { counts, past, settling };
}

/** What is said of it at last. */
function lastOf({ pod, found, later, isolatesAll, planned }: Life) {
  const spec = pod.spec as PodSpec;
  const seen = { spec, status: STATUSES[found] } as FoundPod;
  const lane = laneBeforeIsolation(seen, isolatesAll) ?? laneAfterIsolation(seen);
  const labels = lane === undefined ? {} : { [LANE_LABEL]: lane, [PRODUCT_LABEL]: EXEMPTED_PRODUCT };
  const stored = { apiVersion: 'v1', kind: 'Pod', spec, status: STATUSES[later] };
  const stamped = stampedPodOf({ ...stored, metadata: { namespace: 'team', name: 'web', labels } });
  // The operator sees those that have a lane.
  const pods = stamped === undefined || lane === undefined ? [] : [stamped];
  const annotations = { [STAMP_ANNOTATION]: 'r', [DEFAULT_LANE_ANNOTATION]: planned };
  const namespaces = [{ name: 'team', annotations }];
  return {
    lane,
    counted: moreOpen(pods, planned),
    overtaken: overtakenPods(clusterState([], { namespaces, pods })),
  };
}

/** What of it matters, by the lane that the policy gives. */
function past({ pod: { openings }, planned }: Life): readonly string[] {
  const byLane: Readonly<Record<Lane, readonly string[]>> = {
    full: [],
    'dry-run': openings.filter((opening) => opening === 'hostNetwork'),
    'sealed-dry-run': openings.filter((opening) => opening === 'hostNetwork'),
    enforced: openings,
    sealed: openings,
  };
  return byLane[planned];
}

it('a pod that goes past its lane is counted and named, whenever it was found and whatever became of it', () => {
  const counts = { past: 0, waiting: 0 };
  fc.assert(
    fc.property(lives, (life) => {
      const { counted } = lastOf(life);
      const ways = past(life);
      if (GONE.includes(life.later) || ways.length === 0) return expect(counted?.past ?? []).toEqual([]);
      counts.past += 1;
      if (WAITING.includes(life.found)) counts.waiting += 1;
      return expect(counted).toEqual({
        counts: new Map([['full', 1]]),
        past: [`pod "web" by ${ways.join(', ')}`],
        settling: 0,
      });
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(counts.past).toBeGreaterThan(RUNS / 20);
  expect(counts.waiting).toBeGreaterThan(RUNS / 40);
});

it('a pod on the network of its node is in lane full from the first moment, and no other becomes so by its spec', () => {
  fc.assert(
    fc.property(lives, (life) => {
      const { lane, overtaken } = lastOf(life);
      const isWaiting = WAITING.includes(life.found);
      if (life.pod.openings.includes('hostNetwork')) return expect([lane, overtaken]).toEqual(['full', []]);
      if (isWaiting) return expect(lane).toBe('sealed');
      if (life.isolatesAll) return expect(lane).toBe(life.pod.openings.length > 0 ? 'sealed' : undefined);
      return expect(lane).toBe('full');
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it('a pod without an opening counts only while it runs in a lane more open than its own', () => {
  fc.assert(
    fc.property(lives, (life) => {
      const { lane, counted } = lastOf({ ...life, pod: { spec: { containers: [] }, openings: [] } });
      const isOpen = lane === 'full' && life.planned !== 'full' && !GONE.includes(life.later);
      return expect(counted).toEqual(
        isOpen ? { counts: new Map([['full', 1]]), past: [], settling: 0 } : undefined,
      );
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

describe('a pod that was given a stricter lane', () => {
  const lane = fc.constantFrom(...LANES);
  const moves = fc.record({
    from: lane,
    lane,
    planned: lane,
    sinceMs: fc.integer({ min: -SETTLING_MS, max: 2 * SETTLING_MS }),
    nodeName: fc.constantFrom('', 'node-1'),
    damage: fc.constantFrom<Readonly<Record<string, string>>>(
      ...[{}, {}, {}, { [MOVED_FROM_ANNOTATION]: 'none' }, { [MOVED_AT_ANNOTATION]: 'yesterday' }],
    ),
  });

  function expected({ now, planned, former }: Readonly<Record<'now' | 'planned' | 'former', Lane>>) {
    const order = (one: Lane): number => LANES.indexOf(one);
    const real = order(former) < order(now) ? former : now;
    const settling = order(now) < order(planned) ? 0 : 1;
    return order(real) < order(planned) ? { counts: new Map([[real, 1]]), past: [], settling } : undefined;
  }

  it('counts in the most open of both lanes until the network has followed, where it has a network at all', () => {
    const counts = new Map<string, number>();
    const count = (found: Readonly<Record<string, boolean>>): void => {
      for (const [what, is] of Object.entries(found))
        counts.set(what, (counts.get(what) ?? 0) + (is ? 1 : 0));
    };
    fc.assert(
      fc.property(moves, ({ from, lane: now, planned, sinceMs, nodeName, damage }) => {
        const movedAtMs = NOW_MS - sinceMs;
        const pod = stampedPodOf({
          ...{ apiVersion: 'v1', kind: 'Pod', spec: { nodeName } },
          metadata: {
            ...{ namespace: 'team', name: 'web' },
            labels: { [LANE_LABEL]: now, [PRODUCT_LABEL]: EXEMPTED_PRODUCT },
            annotations: { ...moveAnnotations(from, movedAtMs), ...damage },
          },
        });
        if (pod === undefined) throw new Error('It has not ended');
        const found = moreOpen([pod], planned);
        const isUndated = MOVED_AT_ANNOTATION in damage;
        const isSettling = nodeName !== '' && (isUndated || sinceMs < SETTLING_MS);
        count({ settling: isSettling, settled: sinceMs >= SETTLING_MS, 'without a node': nodeName === '' });
        count({ unreadable: Object.keys(damage).length > 0 });
        const former = MOVED_FROM_ANNOTATION in damage ? 'full' : from;
        expect(found).toEqual(expected({ now, planned, former: isSettling ? former : now }));
        const settledAtMs = isUndated ? Number.POSITIVE_INFINITY : movedAtMs + SETTLING_MS;
        expect(nextSettled([pod], NOW_MS)).toBe(isSettling ? settledAtMs : undefined);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`seed ${SEED}, ${RUNS} moves:`, counts);
    expect(Math.min(...counts.values())).toBeGreaterThan(RUNS / 20);
  });
});
