// Generated pods of a workspace whose policy says when it acts on stale ones, at generated times: what is isolated and
// evicted is compared with a plain reading of the setting.
import fc from 'fast-check';
import { clusterState, stampedPod } from '../../test/fixtures/cluster-fixture.ts';
import { manifest } from '../../test/fixtures/object-fixture.ts';
import type { StampedPod } from '../model/cluster-state.ts';
import { LANES, type Lane } from '../model/lane.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { datedPlans } from './lane-times.ts';
import { staleDeadlines } from './stale-deadlines.ts';

const RUNS = 1000;
const SEED = 20270131;
const START_MS = Date.parse('2027-01-31T00:00:00Z');
const MINUTE_MS = 60_000;
const PRODUCTS = ['JOBS', 'GENERAL'] as const;

interface Scene {
  readonly action: 'Ignore' | 'Isolate' | 'Evict' | undefined;
  readonly afterSeconds: number;
  readonly lanes: Readonly<Record<(typeof PRODUCTS)[number], Lane>>;
  /** Minutes after START_MS; undefined where a former version stored none. */
  readonly since: number | undefined;
  readonly at: number;
  readonly pods: readonly StampedPod[];
}

const minute = fc.integer({ min: 0, max: 300 });
const CONTROLLER = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'rs' };
/** Nothing that is known to make new pods. */
const OWNERS = [
  { apiVersion: 'v1', kind: 'ConfigMap', name: 'tools', uid: 'cm' },
  { apiVersion: 'example.com/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'other' },
];

const pod: fc.Arbitrary<StampedPod> = fc
  .record({
    lane: fc.constantFrom<string>(...LANES, 'made-up'),
    product: fc.constantFrom('JOBS', 'GENERAL', 'OF_TOMORROW'),
    created: fc.option(minute, { nil: undefined, freq: 10 }),
    hasStarted: fc.constantFrom(true, true, true, false),
    openings: fc.constantFrom<readonly string[]>([], [], [], ['hostNetwork'], ['privileged container "x"']),
    controller: fc.constantFrom(CONTROLLER, CONTROLLER, undefined, ...OWNERS),
    isIsolated: fc.constantFrom(false, false, true),
    endsAtMs: fc.constantFrom(undefined, undefined, START_MS),
  })
  .map(({ lane, created, ...more }) => ({
    ...stampedPod('team-a', lane),
    ...more,
    createdAtMs: created === undefined ? undefined : START_MS + created * MINUTE_MS,
  }));

const lane = fc.constantFrom(...LANES);
const scenes: fc.Arbitrary<Scene> = fc.record({
  action: fc.constantFrom('Ignore', 'Isolate', 'Isolate', 'Evict', 'Evict', undefined),
  afterSeconds: fc.integer({ min: 60, max: 7200 }),
  lanes: fc.record({ JOBS: lane, GENERAL: lane }),
  since: fc.option(minute, { nil: undefined, freq: 10 }),
  at: fc.integer({ min: 0, max: 500 }),
  pods: fc
    .array(pod, { minLength: 1, maxLength: 8 })
    .map((pods) => pods.map((one, at) => ({ ...one, name: `pod-${at}`, uid: `pod-${at}` }))),
});

const timeOf = (minutes: number): number => START_MS + minutes * MINUTE_MS;

function planOf({ lanes, since }: Pick<Scene, 'lanes' | 'since'>): WorkspacePlan {
  const time = since === undefined ? {} : { since: new Date(timeOf(since)).toISOString() };
  const products = PRODUCTS.map((product) => ({ product, lane: lanes[product], ...time }));
  const spec = { workspaceId: '1', networkPolicyId: 'acme', table: 't', products, revision: 'r' };
  return { kind: 'WorkspacePlan', metadata: { name: 'team-a' }, spec };
}

interface Found {
  readonly isolate: readonly string[];
  readonly evict: readonly string[];
  readonly changesAtMs: number | undefined;
}

function found(scene: Scene, atMs = timeOf(scene.at), plans = [planOf(scene)]): Found {
  const { action, afterSeconds, pods } = scene;
  const egress = { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS' } };
  const setting = action === undefined ? {} : { staleWorkloads: { action, afterSeconds } };
  const state = clusterState([manifest('NetworkPolicy', 'acme', { egress, ...setting })], { pods });
  const { isolate, evict, changesAtMs } = staleDeadlines(state, plans, atMs);
  const names = (of: typeof isolate): readonly string[] => of.map((one) => one.pod.name);
  return { isolate: names(isolate), evict: names(evict), changesAtMs };
}

const rank = (of: string): number => LANES.findIndex((known) => known === of);

const isOnHost = ({ openings }: StampedPod): boolean => openings.includes('hostNetwork');

/** Of what is in such a lane. */
function goesPast(lane: Lane, one: StampedPod): boolean {
  const isRestricted = ['enforced', 'sealed'].includes(lane);
  return lane !== 'full' && (isOnHost(one) || (isRestricted && one.openings.length > 0));
}

/** Admission gave it its lane after the last change. */
function isOfNow({ since, lanes }: Scene, { createdAtMs, isIsolated, lane: own }: StampedPod): boolean {
  const isKnown = since !== undefined && createdAtMs !== undefined;
  const isGiven = own === lanes.JOBS || own === lanes.GENERAL;
  return isIsolated !== true && isGiven && isKnown && timeOf(since) < createdAtMs;
}

/** GENERAL's lane where it may be all that a new pod gets, and it has a more open one, or got that by a deadline. */
function wantedOf(scene: Scene, one: StampedPod): Lane {
  const { JOBS, GENERAL } = scene.lanes;
  if (one.product !== 'JOBS') return GENERAL;
  if (rank(JOBS) >= rank(GENERAL) || isOfNow(scene, one)) return JOBS;
  const isOpen = goesPast(GENERAL, one) || (rank(one.lane) >= 0 && rank(one.lane) < rank(GENERAL));
  return isOpen || (one.lane === GENERAL && one.isIsolated === true) ? GENERAL : JOBS;
}

function isStale(scene: Scene, one: StampedPod): boolean {
  const wanted = wantedOf(scene, one);
  const own = goesPast(wanted, one) ? 'full' : one.lane;
  if (own === wanted) return one.isIsolated === true;
  // A newer pod may have been given GENERAL's lane.
  return !(own === scene.lanes.GENERAL && rank(wanted) < rank(own) && isOfNow(scene, one));
}

function isTime({ since, at, afterSeconds }: Scene, { createdAtMs }: StampedPod): boolean {
  if (since === undefined || createdAtMs === undefined) return false;
  return timeOf(at) >= Math.max(timeOf(since), createdAtMs) + afterSeconds * 1000;
}

/** What the setting says of one pod, in other words than the code. */
function expected(scene: Scene, one: StampedPod): '' | 'isolate' | 'evict' {
  const { action = 'Ignore' } = scene;
  if (action === 'Ignore' || !isStale(scene, one) || !isTime(scene, one)) return '';
  if (action === 'Evict' && one.controller?.uid === 'rs') return one.endsAtMs === undefined ? 'evict' : '';
  return canIsolate(scene, one) ? 'isolate' : '';
}

function canIsolate(scene: Scene, one: StampedPod): boolean {
  const isOpen = rank(one.lane) >= 0 && rank(one.lane) < rank(wantedOf(scene, one));
  return isOpen && one.hasStarted && !isOnHost(one);
}

function check(arbitrary: fc.Arbitrary<Scene>, property: (scene: Scene) => void): void {
  fc.assert(fc.property(arbitrary, property), { numRuns: RUNS, seed: SEED });
}

describe('staleDeadlines()', () => {
  it('acts on exactly those pods that the setting means, and whose time has come', () => {
    const counts = { isolate: 0, evict: 0 };
    check(scenes, (scene) => {
      const { isolate, evict } = found(scene);
      const of = (what: string) => scene.pods.filter((one) => expected(scene, one) === what);
      expect(isolate).toEqual(of('isolate').map(({ name }) => name));
      expect(evict).toEqual(of('evict').map(({ name }) => name));
      counts.isolate += isolate.length;
      counts.evict += evict.length;
    });
    expect(Math.min(counts.isolate, counts.evict)).toBeGreaterThan(RUNS / 10);
  });

  it('isolates no pod into a lane that is not stricter than its own', () => {
    check(scenes, (scene) => {
      const { isolate } = found(scene);
      for (const one of scene.pods.filter(({ name }) => isolate.includes(name)))
        expect(rank(one.lane)).toBeLessThan(rank(wantedOf(scene, one)));
    });
  });

  it('says when it changes: not a millisecond before, and then it does', () => {
    check(scenes, (scene) => {
      const { changesAtMs, ...now } = found(scene);
      if (changesAtMs === undefined) return;
      expect(changesAtMs).toBeGreaterThan(timeOf(scene.at));
      expect(found(scene, changesAtMs - 1)).toMatchObject(now);
      const { isolate, evict } = found({ ...scene, pods: scene.pods.map(withoutEnd) }, changesAtMs);
      expect(isolate.length + evict.length).toBeGreaterThan(now.isolate.length + now.evict.length);
    });
  });

  it('acts on nothing earlier where the clock is set back', () => {
    check(scenes, (scene) => {
      const now = found(scene);
      const before = found(scene, timeOf(scene.at) - 10 * MINUTE_MS);
      expect(now.isolate).toEqual(expect.arrayContaining([...before.isolate]));
      expect(now.evict).toEqual(expect.arrayContaining([...before.evict]));
    });
  });

  it('has nothing to isolate once that is done', () => {
    check(scenes, (scene) => {
      const { isolate } = found(scene);
      const pods = scene.pods.map((one) => {
        const lane = wantedOf(scene, one);
        return isolate.includes(one.name) ? { ...one, lane, isIsolated: true } : one;
      });
      expect(found({ ...scene, pods }).isolate).toEqual([]);
    });
  });

  it('has nothing to do where the policy is as it was when the pods were created', () => {
    check(scenes, (scene) => {
      const pods = scene.pods.map((one) => {
        const createdAtMs = timeOf((scene.since ?? 0) + 1);
        const newer = { ...one, createdAtMs, isIsolated: false, openings: [] };
        return { ...newer, lane: newer.product === 'JOBS' ? scene.lanes.JOBS : scene.lanes.GENERAL };
      });
      expect(found({ ...scene, pods })).toEqual({ isolate: [], evict: [], changesAtMs: undefined });
    });
  });

  it('says the same after a restart of the operator, whose plans are the stored ones', () => {
    check(scenes, (scene) => {
      const { metadata, spec } = planOf(scene);
      const products = spec.products.map(({ product, lane: own }) => ({ product, lane: own }));
      const undated: WorkspacePlan = { kind: 'WorkspacePlan', metadata, spec: { ...spec, products } };
      const anew = datedPlans([undated], [planOf(scene)], { atMs: timeOf(scene.at) });
      expect(found(scene, timeOf(scene.at), [...anew])).toEqual(found(scene));
    });
  });

  it.each<[string, object]>([
    ['an unknown action', { action: 'Delete', afterSeconds: 60 }],
    ['a time of none', { action: 'Evict', afterSeconds: 0 }],
    ['an unknown field', { action: 'Evict', afterSeconds: 60, force: true }],
  ])('does nothing under a policy with %s', (_, staleWorkloads) => {
    const egress = { networkAccess: { restrictionMode: 'RESTRICTED_ACCESS' } };
    const pods = [{ ...stampedPod('team-a', 'full'), createdAtMs: START_MS, controller: CONTROLLER }];
    const state = clusterState([manifest('NetworkPolicy', 'acme', { egress, staleWorkloads })], { pods });
    const plan = planOf({ lanes: { JOBS: 'enforced', GENERAL: 'enforced' }, since: 0 });
    expect(staleDeadlines(state, [plan], timeOf(10_000))).toEqual({
      ...{ isolate: [], evict: [], ending: [], changesAtMs: undefined },
    });
  });
});

function withoutEnd(one: StampedPod): StampedPod {
  return { ...one, endsAtMs: undefined };
}
