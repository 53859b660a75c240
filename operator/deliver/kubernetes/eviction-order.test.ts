// Generated runs of an operator that evicts: time goes on, budgets refuse or allow, pods end sooner or later. Never do two
// pods of one workload end at once, and in the end none is left.
import fc from 'fast-check';
import { stampedPod } from '../../../test/fixtures/cluster-fixture.ts';
import type { DuePod, EndingPod } from '../../model/due-pod.ts';
import { nextEvictions, type Refusal, refusedAgain } from './eviction-order.ts';

const RUNS = 500;
const SEED = 20270131;
const START_MS = Date.parse('2027-01-31T00:00:00Z');
const NOTHING = { evictedAtMs: new Map<string, number>(), refusals: new Map<string, Refusal>() };

function dueOf(workload: string, at: number): DuePod {
  const name = `${workload}-5d9c-${at}`;
  const pod = { ...stampedPod('team-a', 'full'), name, uid: name, createdAtMs: START_MS - at };
  const said = { workload, workloadName: `deployment/${workload}`, canRestart: true };
  return { pod, policyLane: 'enforced', ...said };
}

interface Course {
  /** Of each workload, how many pods. */
  readonly sizes: readonly number[];
  /** Of each attempt, in order: whether it is allowed. The last of them always are. */
  readonly answers: readonly boolean[];
  readonly endMs: number;
}

const courses: fc.Arbitrary<Course> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  answers: fc.array(fc.boolean(), { maxLength: 12 }),
  endMs: fc.integer({ min: 0, max: 600_000 }),
});

interface Attempt {
  readonly key: string;
  readonly uid: string;
  readonly atMs: number;
  readonly isAllowed: boolean;
}

/** What the evictor does, with its passes at the times that it asks for and at those when pods end. */
function run({ sizes, answers, endMs }: Course): {
  readonly attempts: readonly Attempt[];
  readonly left: number;
} {
  let due = sizes.flatMap((size, index) => Array.from({ length: size }, (_, at) => dueOf(`w${index}`, at)));
  let ending: readonly EndingPod[] = [];
  let refusals = new Map<string, Refusal>();
  const attempts: Attempt[] = [];
  let atMs: number | undefined = START_MS;
  let evictedAtMs = new Map<string, number>();
  for (let passes = 0; atMs !== undefined && passes < 500; passes += 1) {
    const nowMs: number = atMs;
    ending = ending.filter(({ endsAtMs }) => endsAtMs > nowMs);
    const { pods } = nextEvictions({ evict: due, ending }, { evictedAtMs, refusals }, nowMs);
    for (const one of pods) {
      const { pod, workload: key } = one;
      const isAllowed = answers[attempts.length] ?? true;
      attempts.push({ key, uid: pod.uid, atMs: nowMs, isAllowed });
      refusals = new Map(refusals);
      if (!isAllowed)
        refusals.set(key, refusedAgain(refusals.get(key), { uid: pod.uid, why: 'x', atMs: nowMs }));
      else {
        refusals.delete(key);
        evictedAtMs = new Map([...evictedAtMs, [key, nowMs]]);
        due = due.filter((other) => other !== one);
        ending = [...ending, { workload: key, endsAtMs: nowMs + endMs }];
      }
    }
    const next = nextEvictions({ evict: due, ending }, { evictedAtMs, refusals }, nowMs);
    const ends = ending.map(({ endsAtMs }) => endsAtMs).filter((endsAtMs) => endsAtMs > nowMs);
    const times = [next.changesAtMs, ...ends].filter((timeMs) => timeMs !== undefined);
    atMs = due.length === 0 || times.length === 0 ? undefined : Math.min(...times);
  }
  return { attempts, left: due.length };
}

function check(property: (course: Course) => void): void {
  fc.assert(fc.property(courses, property), { numRuns: RUNS, seed: SEED });
}

describe('nextEvictions()', () => {
  it('evicts every pod at last, and each once', () => {
    check((course) => {
      const { attempts, left } = run(course);
      const evicted = attempts.filter(({ isAllowed }) => isAllowed).map(({ uid }) => uid);
      expect(left).toBe(0);
      expect(new Set(evicted).size).toBe(evicted.length);
    });
  });

  it('lets the former pod of a workload end before the next one goes, and waits 30 s', () => {
    check((course) => {
      const allowed = run(course).attempts.filter(({ isAllowed }) => isAllowed);
      for (const own of Map.groupBy(allowed, ({ key }) => key).values())
        for (const [at, { atMs }] of own.entries())
          expect(atMs - (own[at - 1]?.atMs ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(
            Math.max(course.endMs, 30_000),
          );
    });
  });

  it('waits 15 s after a refusal, each time twice as long up to five minutes, and then takes the next pod', () => {
    const { attempts } = run({ sizes: [3], answers: Array.from({ length: 8 }, () => false), endMs: 0 });
    const waits = attempts.slice(1, 8).map(({ atMs }, at) => (atMs - (attempts[at]?.atMs ?? 0)) / 1000);
    expect(waits).toEqual([15, 30, 60, 120, 240, 300, 300]);
    expect(new Set(attempts.slice(0, 3).map(({ uid }) => uid)).size).toBe(3);
    expect(attempts[0]?.uid).toBe('w0-5d9c-2');
  });

  it('waits for a pod that somebody else ends, but not for ever', () => {
    const evict = [dueOf('web', 1)];
    const ending = [{ workload: 'web', endsAtMs: START_MS + 60_000 }];
    expect(nextEvictions({ evict, ending }, NOTHING, START_MS)).toEqual({
      ...{ pods: [], changesAtMs: START_MS + 90_000 },
    });
    expect(nextEvictions({ evict, ending }, NOTHING, START_MS + 90_000).pods).toHaveLength(1);
    const other = [{ workload: 'other', endsAtMs: START_MS + 60_000 }];
    expect(nextEvictions({ evict, ending: other }, NOTHING, START_MS).pods).toHaveLength(1);
  });

  it('takes no second pod of a workload within 30 s, though the first is gone', () => {
    const evict = [dueOf('web', 1), dueOf('web', 2)];
    const memory = { ...NOTHING, evictedAtMs: new Map([['web', START_MS]]) };
    expect(nextEvictions({ evict, ending: [] }, memory, START_MS + 1000).pods).toEqual([]);
    expect(nextEvictions({ evict, ending: [] }, memory, START_MS + 30_000).pods).toHaveLength(1);
  });

  it('begins 100 in a pass, and the others at once after that', () => {
    const evict = Array.from({ length: 250 }, (_, at) => dueOf(`w${at}`, 1));
    const { pods, changesAtMs } = nextEvictions({ evict, ending: [] }, NOTHING, START_MS);
    expect([pods.length, changesAtMs]).toEqual([100, START_MS]);
  });
});
