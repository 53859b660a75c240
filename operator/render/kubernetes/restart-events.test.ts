// Generated histories of one workspace: its policy changes, workloads restart, and leaders come and go. What Events say is
// compared with what became true in the meantime.
import fc from 'fast-check';
import { stampedPod } from '../../../test/fixtures/cluster-fixture.ts';
import { restartPlan } from '../../compile/restart-plan.ts';
import { workspaceLanes } from '../../compile/stale-pods.ts';
import type { Owners } from '../../compile/workload-of-pod.ts';
import type { ObservedStatus, StampedPod } from '../../model/cluster-state.ts';
import { secondOf } from '../../model/kubernetes-object.ts';
import { LANES, type Lane } from '../../model/lane.ts';
import type { StaleWorkloadsSetting } from '../../model/stale-workloads.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { type RestartEvent, restartEvents } from './restart-events.ts';
import { NO_RESTARTS_REMEMBERED, type RestartMemory } from './restart-memory.ts';
import { restartFields } from './status/restarts.ts';

const RUNS = 500;
const SEED = 20270131;
const START_MS = Date.parse('2027-01-31T00:00:00Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PRODUCTS = ['JOBS', 'DBSQL'] as const;
const NO_OWNERS: Owners = new Map();

type Lanes = Readonly<Record<(typeof PRODUCTS)[number], Lane>>;

/** A workspace with its operator. */
class World {
  atMs = START_MS;
  readonly said: RestartEvent[] = [];
  owners = NO_OWNERS;
  setting: StaleWorkloadsSetting | undefined;
  #lanes: Lanes = { JOBS: 'full', DBSQL: 'full' };
  #sinceMs: Record<string, number> = {};
  #pods: readonly StampedPod[] = [];
  #remembered: RestartMemory = NO_RESTARTS_REMEMBERED;
  #status: unknown;

  setLanes(lanes: Lanes): void {
    for (const product of PRODUCTS)
      if (lanes[product] !== this.#lanes[product]) this.#sinceMs[product] = this.atMs;
    this.#lanes = lanes;
  }

  /** Those that run, in lane "full", by name; others are gone. One that comes is created now. */
  run(names: readonly string[]): void {
    this.#pods = this.#pods.filter(({ controller }) => names.includes(controller?.uid ?? ''));
    const there = new Set(this.#pods.map((pod) => pod.controller?.uid));
    const created = names.filter((name) => !there.has(name)).flatMap((name) => podsOf(name, this.atMs));
    this.#pods = [...this.#pods, ...created];
  }

  changeLeader(): void {
    this.#remembered = NO_RESTARTS_REMEMBERED;
  }

  get remembered() {
    return this.#remembered.get('team');
  }

  /** What is said now, once. */
  look() {
    const plan = this.#plan();
    const lanes = workspaceLanes(plan, undefined);
    const after = restartPlan({
      ...{ pods: this.#pods, owners: this.owners, atMs: this.atMs },
      lanesOf: () => lanes,
      settingOf: () => this.setting,
    });
    const stored: ObservedStatus = { uid: 'assignment', generation: 1, status: this.#status };
    const { events, remembered, changesAtMs } = restartEvents({
      before: new Map([['PolicyAssignment/team', stored]]),
      ...{ after, plans: [plan], remembered: this.#remembered, atMs: this.atMs },
    });
    this.#remembered = remembered;
    this.#status = restartFields(after.get('team'));
    this.said.push(...events);
    return { events, changesAtMs, workloads: after.get('team')?.workloads ?? [] };
  }

  /** Until nothing is due any more. */
  settle() {
    for (;;) {
      const { changesAtMs, workloads } = this.look();
      if (changesAtMs === undefined) return workloads;
      this.atMs = Math.max(changesAtMs, this.atMs + 1);
    }
  }

  #plan(): WorkspacePlan {
    const products = [...PRODUCTS, 'GENERAL' as const].map((product) => {
      const sinceMs = this.#sinceMs[product];
      const lane = product === 'GENERAL' ? ('full' as const) : this.#lanes[product];
      return { product, lane, ...(sinceMs === undefined ? {} : { since: secondOf(sinceMs) }) };
    });
    const spec = { workspaceId: '1', networkPolicyId: 'acme', table: 't', products, revision: 'r' };
    return { kind: 'WorkspacePlan', metadata: { name: 'team' }, spec };
  }
}

/** Two of a ReplicaSet each; every third workload is of the other product. */
function podsOf(name: string, createdAtMs: number): readonly StampedPod[] {
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-77`, uid: name };
  const product = Number(name.slice(1)) % 3 === 0 ? 'DBSQL' : 'JOBS';
  return [1, 2].map((at) => ({
    ...stampedPod('team', 'full'),
    ...{
      name: `${name}-77-${at}`,
      uid: `pod ${name} ${at} ${createdAtMs}`,
      product,
      controller,
      createdAtMs,
    },
    ...{ stamp: '', workloadLabels: { 'pod-template-hash': '77' } },
  }));
}

const brief = ({ reason, subject }: RestartEvent): string => `${reason} ${subject}`;

interface Step {
  readonly lanes: Lanes;
  readonly running: readonly string[];
  readonly changesLeader: boolean;
  readonly afterMs: number;
}

const NAMES = Array.from({ length: 9 }, (_, at) => `w${at}`);
const lane = fc.constantFrom(...LANES);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    lanes: fc.record({ JOBS: lane, DBSQL: lane }),
    running: fc.subarray(NAMES),
    changesLeader: fc.boolean(),
    afterMs: fc.constantFrom(2 * MINUTE_MS, HOUR_MS),
  }),
  { minLength: 2, maxLength: 8 },
);

/** What is to be said, given what was said before: the lane of each subject. */
function expectedNews(noted: Map<string, string>, workloads: ReturnType<World['settle']>): readonly string[] {
  const now = new Map(workloads.map((one) => [subjectOf(one), one.policyLane]));
  const required = [...now].filter(([subject, policyLane]) => noted.get(subject) !== policyLane);
  const completed = [...noted.keys()].filter((subject) => !now.has(subject));
  noted.clear();
  for (const [subject, policyLane] of now) noted.set(subject, policyLane);
  return [
    ...required.map(([subject]) => `RestartRequired ${subject}`),
    ...completed.map((subject) => `RestartCompleted ${subject}`),
  ].toSorted();
}

function subjectOf({ kind, name, product }: ReturnType<World['settle']>[number]): string {
  return `team ${kind} ${name} ${product}`;
}

function replay(all: readonly Step[]): void {
  const world = new World();
  const noted = new Map<string, string>();
  const ids = new Set<string>();
  for (const { lanes, running, changesLeader, afterMs } of all) {
    world.atMs += afterMs;
    world.said.length = 0;
    if (changesLeader) world.changeLeader();
    world.run(running);
    world.setLanes(lanes);
    const workloads = world.settle();
    // The API server refuses a name that is there.
    const written = world.said.filter(({ id }) => !ids.has(id));
    for (const { id } of world.said) ids.add(id);
    expect(written.map(brief).toSorted()).toEqual(expectedNews(noted, workloads));
    expect(new Set(world.said.map(({ id }) => id)).size).toBe(world.said.length);
    world.atMs += HOUR_MS;
    expect(world.look().events).toEqual([]);
  }
}

describe('restartEvents()', () => {
  it('says once that a workload must restart under a lane, and once that it no longer must, whoever leads', () => {
    fc.assert(fc.property(steps, replay), { seed: SEED, numRuns: RUNS });
  });

  it('has the last word on each workload, though changes come before anything has settled', () => {
    let ended = 0;
    const hasty = fc.array(
      fc.record({
        lanes: fc.record({ JOBS: lane, DBSQL: lane }),
        running: fc.subarray(NAMES),
        afterMs: fc.integer({ min: 1, max: 15_000 }),
      }),
      { minLength: 2, maxLength: 12 },
    );
    fc.assert(
      fc.property(hasty, (all) => {
        const world = new World();
        for (const { lanes, running, afterMs } of all) {
          world.atMs += afterMs;
          world.run(running);
          world.setLanes(lanes);
          world.look();
        }
        const now = new Set(world.settle().map(subjectOf));
        // The API server refuses a name that is there.
        const ids = world.said.map(({ id }) => id);
        const written = world.said.filter(({ id }, at) => ids.indexOf(id) === at);
        const last = new Map(written.map(({ subject, reason }) => [subject, reason]));
        for (const [subject, reason] of last)
          expect(`${subject} ${reason}`).toBe(
            `${subject} ${now.has(subject) ? 'RestartRequired' : 'RestartCompleted'}`,
          );
        expect([...now].filter((subject) => !last.has(subject))).toEqual([]);
        ended += [...last.values()].filter((reason) => reason === 'RestartCompleted').length;
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(ended).toBeGreaterThan(RUNS / 10);
  });

  it('says again, as the same Event, what a leader that ended a moment ago may not have written', () => {
    const world = staleWorld();
    world.settle();
    world.changeLeader();
    world.atMs += MINUTE_MS;
    world.settle();
    world.changeLeader();
    world.atMs += HOUR_MS;
    world.settle();
    expect(world.said.map(brief)).toEqual(Array(2).fill('RestartRequired team Deployment w1 JOBS'));
    expect(world.said[0]?.id).toBe(world.said[1]?.id);
  });

  it('computes nothing anew of a workspace where all is as it was', () => {
    const world = staleWorld();
    world.settle();
    const known = world.remembered;
    world.atMs += HOUR_MS;
    world.look();
    expect(world.remembered).toBe(known);
    world.owners = OWNED;
    world.look();
    expect(world.remembered).not.toBe(known);
  });

  it('names the worst of many, counts the others, and says when the last is done', () => {
    fc.assert(
      fc.property(fc.integer({ min: 21, max: 300 }), fc.boolean(), (count, changesLeader) => {
        const world = new World();
        world.run(Array.from({ length: count }, (_, at) => `w${at}`));
        world.look();
        world.atMs += HOUR_MS;
        world.setLanes({ JOBS: 'enforced', DBSQL: 'enforced' });
        world.settle();
        const counted = world.said.filter(({ subject }) => subject === 'team');
        expect(world.said).toHaveLength(21);
        expect(counted.map(({ note }) => note.split(' ')[0])).toEqual([String(count - 20)]);
        expect(world.settle()).toHaveLength(count);
        expect(world.said).toHaveLength(21);
        world.atMs += HOUR_MS;
        if (changesLeader) world.changeLeader();
        world.settle();
        expect(world.said).toHaveLength(21);
        world.run([]);
        world.settle();
        const completed = world.said.slice(21).map(brief);
        expect(new Set(completed).size).toBe(21);
        expect(completed).toContain('RestartCompleted team');
      }),
      { seed: SEED, numRuns: 20 },
    );
  });
});

/** One Deployment under a policy that became stricter an hour ago. */
function staleWorld(): World {
  const world = new World();
  world.run(['w1']);
  world.look();
  world.atMs += HOUR_MS;
  world.setLanes({ JOBS: 'enforced', DBSQL: 'full' });
  return world;
}

const OWNED: Owners = new Map([
  ['w1', { apiVersion: 'example.com/v1', kind: 'Shop', name: 'one', uid: 'shop', namespace: 'team' }],
]);

describe('a workload whose owner', () => {
  it('is read within a moment has one Event, on that owner', () => {
    const world = staleWorld();
    expect(world.look().events).toEqual([]);
    world.owners = OWNED;
    world.atMs += 3000;
    world.settle();
    expect(world.said).toMatchObject([
      { reason: 'RestartRequired', type: 'Warning', regarding: { kind: 'Shop', name: 'one', uid: 'shop' } },
    ]);
  });

  it('is read later has no second one, and its end is said there', () => {
    const world = staleWorld();
    world.settle();
    world.owners = OWNED;
    world.settle();
    world.run([]);
    world.settle();
    expect(world.said).toMatchObject([
      { reason: 'RestartRequired', regarding: { kind: 'Pod', name: 'w1-77-1' } },
      { reason: 'RestartCompleted', regarding: { kind: 'Shop', name: 'one', uid: 'shop' } },
    ]);
  });

  it('a new leader has not read yet is not done, and not another one', () => {
    const world = staleWorld();
    world.owners = OWNED;
    world.settle();
    world.atMs += HOUR_MS;
    world.changeLeader();
    world.owners = NO_OWNERS;
    world.look();
    world.atMs += 30_000;
    world.look();
    world.owners = OWNED;
    world.settle();
    expect(world.said.map(brief)).toEqual(['RestartRequired team Shop one JOBS']);
  });
});

describe('notes', () => {
  const said = (world: World): string | undefined => world.said.at(-1)?.note;

  it('say what changed, of how many pods since when, and the command', () => {
    const world = staleWorld();
    world.settle();
    expect(said(world)).toBe(
      'Deployment "w1" must restart. Policy "acme" gives product JOBS lane "enforced" now; 2 of its pods run in lane "full" since 2027-01-31T01:00:00Z, which is more open: it may reach more than it should until it restarts. Command: kubectl rollout restart deployment/w1 -n team',
    );
  });

  it('say by when, and where the command is that is too long for them, to whom may read nothing but the workload', () => {
    const world = staleWorld();
    world.setting = { action: 'Evict', afterSeconds: 3600 };
    world.settle();
    expect(said(world)).toContain(
      'until it restarts. The policy evicts what has not restarted by 2027-01-31T02:00:00Z. Command: kubectl rollout',
    );
    const long = staleWorld();
    long.setting = { action: 'Isolate', afterSeconds: 3600 };
    const notebook = { apiVersion: 'kubeflow.org/v1', kind: 'Notebook', name: 'n'.repeat(250) };
    long.owners = new Map([['w1', { ...notebook, uid: 'nb', namespace: 'team' }]]);
    long.settle();
    expect(said(long)).toContain(
      ' The policy isolates what has not restarted by 2027-01-31T02:00:00Z. The command: kubectl sallyport restarts -n team',
    );
  });

  it('say why it no longer must: it restarted, or the policy is as it was', () => {
    const restarted = staleWorld();
    restarted.settle();
    restarted.run([]);
    restarted.settle();
    expect(said(restarted)).toBe(
      'Deployment "w1" has restarted, or is gone: none of its pods runs in lane "full" any more',
    );
    const taken = staleWorld();
    taken.settle();
    taken.setLanes({ JOBS: 'full', DBSQL: 'full' });
    taken.settle();
    expect(said(taken)).toBe(
      'Deployment "w1" need not restart any more: policy "acme" gives product JOBS lane "full" again, in which its pods run',
    );
  });

  it('are not written of what restarts within a moment, nor of what goes back', () => {
    const world = staleWorld();
    world.look();
    world.atMs += 5000;
    world.run([]);
    world.settle();
    world.run(['w1']);
    world.look();
    world.setLanes({ JOBS: 'full', DBSQL: 'full' });
    world.settle();
    expect(world.said).toEqual([]);
  });
});
