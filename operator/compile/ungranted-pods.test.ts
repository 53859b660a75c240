// Pods and the right to use their product: generated histories of lanes, in each of which a model of admission gives pods
// their lanes, by their right or without it, and forgets which. What a new pod of the same kind would not get again counts
// as more open, until the pod has restarted.
import fc from 'fast-check';
import { stampedPod } from '../../test/fixtures/cluster-fixture.ts';
import type { StampedPod } from '../model/cluster-state.ts';
import type { Lane } from '../model/lane.ts';
import { isMoreOpen } from '../model/stamp.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { datedPlans } from './lane-times.ts';
import { restartPlan } from './restart-plan.ts';
import { stalePodOf, type WorkspaceLanes, workspaceLanes } from './stale-pods.ts';

const RUNS = 5000;
const SEED = 20270131;
const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2027-01-31T00:00:00Z');
const NOW_MS = START_MS + 1000 * HOUR_MS;

interface Settings {
  readonly GENERAL: Lane;
  readonly DBSQL: Lane;
  /** Of the gateways, which stamps cover too. */
  readonly address: number;
}

interface Life {
  readonly history: readonly Settings[];
  /** Which of the settings were in force when it was created, in thousandths of their number. */
  readonly when: number;
  readonly mayUse: boolean;
  /** How long after the plan had them; admission may have had the former ones still. */
  readonly delayMs: number;
  readonly known: 'all times' | 'no times' | 'no plan';
}

// Few, so that one product often retains its lane.
const lane = fc.constantFrom<Lane>('full', 'dry-run', 'enforced');
const lives: fc.Arbitrary<Life> = fc.record({
  history: fc.array(fc.record({ GENERAL: lane, DBSQL: lane, address: fc.nat({ max: 1 }) }), {
    minLength: 2,
    maxLength: 4,
  }),
  when: fc.integer({ min: 0, max: 999 }),
  mayUse: fc.boolean(),
  delayMs: fc.constantFrom(0, 10_000, HOUR_MS, HOUR_MS, HOUR_MS),
  known: fc.constantFrom('all times', 'all times', 'no times', 'no plan'),
});

/** What admission gives. */
function granted({ GENERAL, DBSQL }: Settings, mayUse: boolean): Lane {
  return mayUse || !isMoreOpen(DBSQL, GENERAL) ? DBSQL : GENERAL;
}

function planOf({ GENERAL, DBSQL }: Settings): WorkspacePlan {
  const products = Object.entries({ GENERAL, DBSQL }).map(([product, own]) => ({ product, lane: own }));
  const spec = { workspaceId: '1', networkPolicyId: 'acme', table: 't', products, revision: 'r' };
  return { kind: 'WorkspacePlan', metadata: { name: 'team' }, spec } as WorkspacePlan;
}

const startMs = (at: number): number => START_MS + at * 10 * HOUR_MS;

function lanesNow({ history, known }: Pick<Life, 'history' | 'known'>): WorkspaceLanes {
  let stored: readonly WorkspacePlan[] = [];
  for (const [at, settings] of history.entries()) {
    const times = known === 'no times' ? {} : { atMs: startMs(at) };
    stored = datedPlans([planOf(settings)], stored, times);
  }
  const lanes = workspaceLanes(stored[0] as WorkspacePlan, JSON.stringify(history.at(-1)));
  return known === 'no plan' ? { ...lanes, sinceMs: undefined } : lanes;
}

function podOf({ history, when, mayUse, delayMs }: Life): StampedPod {
  const at = Math.floor((when * history.length) / 1000);
  const admittedBy = delayMs < HOUR_MS ? Math.max(0, at - 1) : at;
  const settings = history[admittedBy] as Settings;
  return {
    ...stampedPod('team', granted(settings, mayUse)),
    ...{ product: 'DBSQL', stamp: JSON.stringify(settings), createdAtMs: startMs(at) + delayMs },
  };
}

test('a pod that a new one would replace in a stricter lane counts as more open, and no more once it is replaced', () => {
  const counts = { stricter: 0, ungranted: 0, 'as it was': 0 };
  fc.assert(
    fc.property(lives, (life) => {
      const settings = life.history.at(-1) as Settings;
      const pod = podOf(life);
      const lanes = lanesNow(life);
      const stale = stalePodOf(pod, lanes, NOW_MS);
      const next = granted(settings, life.mayUse);
      if (isMoreOpen(pod.lane as Lane, next)) {
        counts.stricter += 1;
        if (settings.DBSQL === pod.lane) counts.ungranted += 1;
        expect(stale).toMatchObject({ isMoreOpen: true, mustRestart: true });
        // It may have another right now, but it is never told a lane that is more open than what it gets.
        expect(isMoreOpen(stale?.policyLane as Lane, next)).toBe(false);
      } else if (stale === undefined) counts['as it was'] += 1;
      const anew = { ...pod, lane: next, stamp: JSON.stringify(settings), createdAtMs: NOW_MS };
      expect(stalePodOf(anew, lanes, NOW_MS)).toBeUndefined();
    }),
    { numRuns: RUNS, seed: SEED },
  );
  console.log(`seed ${SEED}, ${RUNS} lives:`, counts);
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(RUNS / 40);
});

test('once it is isolated it is in no more open lane than a new one, and is listed until it restarts', () => {
  let isolated = 0;
  fc.assert(
    fc.property(lives, (life) => {
      const pod = podOf(life);
      const lanes = lanesNow(life);
      const stale = stalePodOf(pod, lanes, NOW_MS);
      if (!stale?.isMoreOpen) return;
      isolated += 1;
      const moved = { from: pod.lane as Lane, settledAtMs: NOW_MS };
      const after = stalePodOf({ ...pod, lane: stale.policyLane, isIsolated: true, moved }, lanes, NOW_MS);
      expect(isMoreOpen(stale.policyLane, granted(life.history.at(-1) as Settings, life.mayUse))).toBe(false);
      expect(after).toMatchObject({ isIsolated: true, mustRestart: true, isMoreOpen: false });
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(isolated).toBeGreaterThan(RUNS / 20);
});

describe('a pod of a product whose lane is more open than that of GENERAL', () => {
  const history: readonly Settings[] = [
    { GENERAL: 'dry-run', DBSQL: 'dry-run', address: 0 },
    { GENERAL: 'enforced', DBSQL: 'dry-run', address: 0 },
    { GENERAL: 'enforced', DBSQL: 'dry-run', address: 1 },
  ];
  const life: Life = { history, when: 0, mayUse: true, delayMs: HOUR_MS, known: 'all times' };

  it('is as it should be where it is newer than both lanes, whatever else has changed since', () => {
    expect(stalePodOf(podOf({ ...life, when: 400 }), lanesNow(life), NOW_MS)).toBeUndefined();
  });

  it('has to restart, and the time of that runs from the change of either lane', () => {
    const stale = stalePodOf(podOf(life), lanesNow(life), NOW_MS);
    expect(stale).toMatchObject({ policyLane: 'enforced', isMoreOpen: true, laneSinceMs: startMs(1) });
  });

  it('counts in its former lane while the network follows', () => {
    const moved = { from: 'dry-run', settledAtMs: NOW_MS + 1 } as const;
    const pod = { ...podOf(life), lane: 'enforced', moved };
    expect(stalePodOf(pod, lanesNow(life), NOW_MS)).toMatchObject({
      ...{ lane: 'dry-run', policyLane: 'enforced', isMoreOpen: true, isSettling: true },
    });
  });

  it('has to restart where it was isolated under other settings, though it has the stamp of now', () => {
    const there: Life = { ...life, history: [...history.slice(1, 2), ...history.slice(0, 2)] };
    const moved = { from: 'dry-run', settledAtMs: START_MS } as const;
    const pod = { ...podOf(there), lane: 'enforced', isIsolated: true, moved };
    expect(stalePodOf(pod, lanesNow(there), NOW_MS)).toMatchObject({ mustRestart: true });
  });

  it('makes its workload one of the stricter lane, whichever pod is seen first', () => {
    const controller = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'sql', uid: 'sql' };
    const pods = ['sealed', 'dry-run'].map((own) => ({ ...podOf(life), lane: own, name: own, controller }));
    for (const some of [pods, pods.toReversed()]) {
      const input = { pods: some, lanesOf: () => lanesNow(life), owners: new Map(), atMs: NOW_MS };
      const lanes = restartPlan(input)
        .get('team')
        ?.workloads.map((one) => [one.pods, one.policyLane]);
      expect(lanes).toEqual([[2, 'enforced']]);
    }
  });
});
