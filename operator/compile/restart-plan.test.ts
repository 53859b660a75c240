// Generated histories of two workspaces: their plans change, and pods are created meanwhile, with and without the right to
// their product's lane. What must restart at last is compared with a plain reading of what each pod was given.
import fc from 'fast-check';
import { stampedPod } from '../../test/fixtures/cluster-fixture.ts';
import type { StampedPod } from '../model/cluster-state.ts';
import { LANES, type Lane } from '../model/lane.ts';
import type { TopOwner } from '../model/pod-owner.ts';
import { compareText } from '../model/snapshot.ts';
import { WORKLOAD_LABELS } from '../model/workload-kind.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { datedPlans } from './lane-times.ts';
import { restartPlan, type StaleWorkload } from './restart-plan.ts';
import { workspaceLanes } from './stale-pods.ts';

const RUNS = 1000;
const SEED = 20270131;
const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2027-01-31T00:00:00Z');
const PLANNED = ['DBSQL', 'JOBS', 'GENERAL'] as const;
const MOST_POD_NAMES = 10;

type Lanes = Readonly<Record<string, Lane>>;

const lane = fc.constantFrom(...LANES);
const lanesOfAll: fc.Arbitrary<Lanes> = fc.record({ DBSQL: lane, JOBS: lane, GENERAL: lane });

interface Birth {
  readonly workspace: string;
  readonly product: string;
  readonly mayUse: boolean;
  /** Which of the plans was in force, in thousandths of their number. */
  readonly when: number;
  readonly owner: number | undefined;
  readonly hasHash: boolean;
  /** Of one that was there before: whatever it was given then. */
  readonly found: string | undefined;
}

const births: fc.Arbitrary<Birth> = fc.record({
  workspace: fc.constantFrom('team-a', 'team-a', 'team-b', 'no-workspace'),
  product: fc.constantFrom(...PLANNED, 'OF_TOMORROW'),
  mayUse: fc.boolean(),
  when: fc.integer({ min: 0, max: 999 }),
  owner: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  hasHash: fc.boolean(),
  found: fc.constantFrom(...Array.from({ length: 12 }, () => undefined), 'full', 'sealed', 'made-up'),
});

interface History {
  readonly plans: readonly Lanes[];
  readonly births: readonly Birth[];
  readonly resolved: readonly number[];
}

const histories: fc.Arbitrary<History> = fc.record({
  plans: fc.array(lanesOfAll, { minLength: 1, maxLength: 4 }),
  births: fc.array(births, { minLength: 8, maxLength: 20 }),
  resolved: fc.subarray([0, 1, 2, 3]),
});

const rank = (of: string): number => (LANES.includes(of as Lane) ? LANES.indexOf(of as Lane) : LANES.length);
const policyLane = (lanes: Lanes, product: string): Lane => lanes[product] ?? lanes['GENERAL'] ?? 'sealed';

/** What admission gives. */
function granted(lanes: Lanes, { product, mayUse }: Birth): Lane {
  const own = policyLane(lanes, product);
  const general = policyLane(lanes, 'GENERAL');
  return mayUse || rank(own) >= rank(general) ? own : general;
}

interface Born {
  readonly birth: Birth;
  readonly pod: StampedPod;
  /** Of the plan. */
  readonly at: number;
}

function bornOf(birth: Birth, index: number, plans: readonly Lanes[]): Born {
  const at = Math.floor((birth.when * plans.length) / 1000);
  const lanes = plans[at] ?? {};
  const { workspace, owner } = birth;
  const isFound = birth.found !== undefined;
  const name = `pod-${String(index).padStart(3, '0')}`;
  const pod: StampedPod = {
    ...stampedPod(workspace, birth.found ?? granted(lanes, birth)),
    ...{ name, uid: name, product: isFound ? 'GENERAL' : birth.product },
    stamp: isFound ? '' : JSON.stringify(lanes),
    // Some hours after the lanes were given, and before the next ones.
    createdAtMs: START_MS + at * 10 * HOUR_MS + (1 + index / 10) * HOUR_MS,
    controller:
      owner === undefined
        ? undefined
        : { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${owner}-77`, uid: `rs-${owner}` },
    workloadLabels: birth.hasHash ? { 'pod-template-hash': '77' } : {},
  };
  return { birth, pod, at };
}

function planOf(name: string, lanes: Lanes): WorkspacePlan {
  const products = PLANNED.map((product) => ({ product, lane: policyLane(lanes, product) }));
  const spec = { workspaceId: '1', networkPolicyId: 'acme', table: 't', products, revision: 'r' };
  return { kind: 'WorkspacePlan', metadata: { name }, spec };
}

/** As the operator would store them at last. */
function storedPlan(name: string, plans: readonly Lanes[]): WorkspacePlan {
  let stored: readonly WorkspacePlan[] = [];
  for (const [at, lanes] of plans.entries())
    stored = datedPlans([planOf(name, lanes)], stored, { atMs: START_MS + at * 10 * HOUR_MS });
  const [last] = stored;
  if (last === undefined) throw new Error('There is one');
  return last;
}

function planned({ plans, births: all, resolved }: History) {
  const born = all.map((birth, index) => bornOf(birth, index, plans));
  const stamp = JSON.stringify(plans.at(-1));
  const lanes = new Map(
    ['team-a', 'team-b'].map((name) => [name, workspaceLanes(storedPlan(name, plans), stamp)]),
  );
  const owners = new Map(
    resolved.map((at): [string, TopOwner] => [
      `rs-${at}`,
      {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', name: `web-${at}` },
        ...{ uid: `d-${at}`, namespace: 'team-a' },
      },
    ]),
  );
  const plan = restartPlan({
    pods: born.map(({ pod }) => pod),
    lanesOf: (workspace) => lanes.get(workspace),
    owners,
    atMs: START_MS + 1000 * HOUR_MS,
  });
  return { born, plan };
}

/** Which plan first gave both lanes that decide about a pod of the product. */
function firstOf(plans: readonly Lanes[], products: readonly string[]): number {
  const lanes = plans.map((all) => products.map((product) => policyLane(all, product)).join(' '));
  return lanes.findLastIndex((now, at) => at === 0 || now !== lanes[at - 1]);
}

/** Only GENERAL's lane is sure to be given again, and it is in a more open one. */
function isUnasked({ pod, at }: Born, plans: readonly Lanes[]): boolean {
  if (pod.namespace === 'no-workspace') return false;
  const now = plans.at(-1) ?? {};
  const general = rank(policyLane(now, 'GENERAL'));
  const isOpen = rank(pod.lane) < general && rank(policyLane(now, pod.product)) < general;
  return isOpen && at < firstOf(plans, [pod.product, 'GENERAL']) && pod.stamp !== JSON.stringify(now);
}

function wantedOf(one: Born, plans: readonly Lanes[]): Lane {
  return policyLane(plans.at(-1) ?? {}, isUnasked(one, plans) ? 'GENERAL' : one.pod.product);
}

/** Of any other pod. 'maybe' where nobody can tell: GENERAL's lane may be all that it may have, and it is older than the settings. */
function isStale({ birth, pod, at }: Born, plans: readonly Lanes[]): boolean | 'maybe' {
  const now = plans.at(-1) ?? {};
  const own = policyLane(now, pod.product);
  const general = policyLane(now, 'GENERAL');
  if (pod.namespace === 'no-workspace' || pod.lane === own) return false;
  if (birth.found !== undefined || birth.mayUse || pod.lane !== general || rank(own) > rank(general))
    return true;
  return at === plans.length - 1 || pod.stamp === JSON.stringify(now) ? false : 'maybe';
}

/** "Deployment web-1". */
function ownerOf({ birth: { owner, hasHash }, pod }: Born, resolved: readonly number[]): string {
  if (owner === undefined) return `Pod ${pod.name}`;
  const isKnown = hasHash || (resolved.includes(owner) && pod.namespace === 'team-a');
  return isKnown ? `Deployment web-${owner}` : `ReplicaSet web-${owner}-77`;
}

/** Greater is worse. */
function badness({ lanes, policyLane: wanted, isMoreOpen }: StaleWorkload): number {
  const steps = lanes.map((one) => (rank(wanted) - rank(one)) * (isMoreOpen ? 1 : -1));
  return (isMoreOpen ? 100 : 0) + Math.max(...steps);
}

/** Workloads, and by them the pods of each that are stale, are those that are expected; in order. */
function checkWorkloads(
  workloads: readonly StaleWorkload[],
  stale: readonly Born[],
  resolved: readonly number[],
): number {
  const groups = Map.groupBy(stale, (one) => `${ownerOf(one, resolved)} ${one.pod.product}`);
  const found = workloads.map((one) => [`${one.kind} ${one.name} ${one.product}`, one.podNames] as const);
  const expected = [...groups].map(
    ([key, pods]) => [key, pods.map(({ pod }) => pod.name).toSorted(compareText)] as const,
  );
  expect(new Map(found)).toEqual(new Map(expected));
  let older = 0;
  for (const [at, next] of workloads.slice(1).entries()) {
    const before = workloads[at] ?? next;
    const gap = badness(before) - badness(next);
    const sinceMs = [before, next].map(({ staleSinceMs }) => Number(staleSinceMs)) as [number, number];
    expect(gap > 0 || (gap === 0 && sinceMs[0] <= sinceMs[1])).toBe(true);
    older += gap === 0 && sinceMs[0] < sinceMs[1] ? 1 : 0;
  }
  return older;
}

test('what must restart is exactly what is not in the lane of its product, by owner, the worst first', () => {
  const seen = { stale: 0, open: 0, asGranted: 0, workloads: 0, older: 0 };
  fc.assert(
    fc.property(histories, (history) => {
      const { born, plan } = planned(history);
      for (const workspace of ['team-a', 'team-b', 'no-workspace']) {
        const own = born.filter(({ pod }) => pod.namespace === workspace);
        const { workloads = [], moreOpenPods = 0, podCount = 0 } = plan.get(workspace) ?? {};
        const named = new Set(workloads.flatMap(({ podNames }) => podNames));
        const isNamed = ({ pod }: Born): boolean => named.has(pod.name);
        const wanted = own.map((one) => isUnasked(one, history.plans) || isStale(one, history.plans));
        expect(own.map((one, at) => wanted[at] === 'maybe' || isNamed(one))).toEqual(
          wanted.map((one) => one !== false),
        );
        const stale = own.filter(isNamed);
        seen.older += checkWorkloads(workloads, stale, history.resolved);
        const wantedLane = (one: Born): Lane => wantedOf(one, history.plans);
        const isOpen = (one: Born): boolean => rank(one.pod.lane) < rank(wantedLane(one));
        expect([podCount, moreOpenPods]).toEqual([stale.length, stale.filter(isOpen).length]);
        const differing = own.filter((one) => one.pod.lane !== wantedLane(one));
        seen.asGranted += differing.length - stale.length;
        seen.stale += stale.length;
        seen.open += moreOpenPods;
        seen.workloads += workloads.length;
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
  console.log(`seed ${SEED}, ${RUNS} histories:`, seen);
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 5);
});

test('it differs since the lane of its product changed, or since the pod was created, whichever came later', () => {
  let later = 0;
  fc.assert(
    fc.property(histories, ({ plans, births: [birth], resolved }) => {
      fc.pre(birth !== undefined);
      const { born, plan } = planned({ plans, births: [birth], resolved });
      const [one] = born;
      const [workload] = plan.get(birth.workspace)?.workloads ?? [];
      fc.pre(one !== undefined && workload !== undefined);
      const product = PLANNED.find((known) => known === one.pod.product) ?? 'GENERAL';
      const changed = firstOf(plans, isUnasked(one, plans) ? [product, 'GENERAL'] : [product]);
      const sinceMs = START_MS + changed * 10 * HOUR_MS;
      const createdAtMs = one.pod.createdAtMs ?? 0;
      later += sinceMs > createdAtMs ? 1 : 0;
      expect(workload.runningSinceMs).toBe(createdAtMs);
      expect(workload.staleSinceMs).toBe(Math.max(sinceMs, createdAtMs));
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(later).toBeGreaterThan(RUNS / 10);
});

test('a change there and back leaves nothing, but for what was created meanwhile', () => {
  let meanwhile = 0;
  fc.assert(
    fc.property(histories, lanesOfAll, ({ births: all, resolved }, there) => {
      const back: Lanes = { DBSQL: 'dry-run', JOBS: 'enforced', GENERAL: 'enforced' };
      const stamped = all.filter(({ found }) => found === undefined);
      const { born, plan } = planned({ plans: [back, there, back], births: stamped, resolved });
      const names = [...plan.values()].flatMap(({ workloads }) => workloads.flatMap((one) => one.podNames));
      const between = new Set(born.filter(({ at }) => at === 1).map(({ pod }) => pod.name));
      meanwhile += names.length;
      expect(names.filter((name) => !between.has(name))).toEqual([]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(meanwhile).toBeGreaterThan(RUNS);
});

describe('restartPlan() names a workload', () => {
  const lanes = workspaceLanes(planOf('team-a', { GENERAL: 'enforced' }), undefined);
  const workloadsOf = (pods: readonly StampedPod[], owners: ReadonlyMap<string, TopOwner> = new Map()) =>
    restartPlan({ pods, lanesOf: () => lanes, owners, atMs: START_MS }).get('team-a')?.workloads ?? [];
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'echo-predictor-77', uid: 'rs' };
  const serving = (label: string): StampedPod => ({
    ...stampedPod('team-a', 'full'),
    ...{
      controller,
      workloadLabels: { 'serving.kserve.io/inferenceservice': label, 'pod-template-hash': '77' },
    },
  });

  it('by the label of its kind, where nobody has followed its owners to the top', () => {
    const [workload] = workloadsOf([serving('echo')]);
    expect(workload).toMatchObject({ kind: 'InferenceService', name: 'echo', uid: undefined });
    expect(workload?.commands.join()).toContain('inferenceservices.serving.kserve.io/echo');
  });

  it('by that label too, where only the way to the top ended early', () => {
    const owners = new Map([
      ['rs', { ...controller, kind: 'Deployment', name: 'echo-predictor', namespace: 'team-a' }],
    ]);
    expect(workloadsOf([serving('echo')], owners)).toMatchObject([
      { kind: 'InferenceService', name: 'echo' },
    ]);
  });

  it('by its owners alone, whatever its labels say, where all of them were seen', () => {
    const top = { ...controller, kind: 'Deployment', name: 'echo-predictor', namespace: 'team-a' };
    const [workload] = workloadsOf([serving('echo')], new Map([['rs', { ...top, isWhole: true }]]));
    expect(workload).toMatchObject({ kind: 'Deployment', name: 'echo-predictor', uid: 'rs' });
    expect(workload).not.toHaveProperty('isWhole');
    expect(workload?.commands).toEqual(['kubectl rollout restart deployment/echo-predictor -n team-a']);
  });

  it('by its owner, with the commands of that, where the label cannot be a name', () => {
    const [workload] = workloadsOf([serving('Echo_1')]);
    expect(workload).toMatchObject({ kind: 'Deployment', name: 'echo-predictor' });
    expect(workload?.commands.join()).toContain('deployment/echo-predictor');
  });

  it('by no owned object that only its labels name, where no controller that makes pods is above it', () => {
    const labels = WORKLOAD_LABELS.filter((label) => label !== 'pod-template-hash');
    const owner = fc.constantFrom(
      undefined,
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'tools', uid: 'cm' },
      { apiVersion: 'example.com/v1', kind: 'StatefulSet', name: 'rocket', uid: 'other' },
    );
    const isWhole = fc.boolean();
    const found = fc.record({ labels: fc.subarray(labels), owner, isWhole });
    fc.assert(
      fc.property(found, (one) => {
        const workloadLabels = Object.fromEntries(one.labels.map((label) => [label, 'ada']));
        const pod = { ...stampedPod('team-a', 'full'), controller: one.owner, workloadLabels };
        const known = one.owner && { ...one.owner, namespace: 'team-a', isWhole: one.isWhole };
        const owners = new Map(known === undefined ? [] : [[known.uid, known]]);
        const [workload] = workloadsOf([pod], owners);
        expect(workload).toMatchObject(one.owner ?? { kind: 'Pod', name: pod.name });
        expect(workload?.workloadKind.restart.action.kind).toBe('none');
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  it('never by what only a shell would understand', () => {
    const texts = ['x; rm -rf /', '$(id)', '-A', 'a\nb', '', 'A B'];
    const pods = texts.flatMap((text) => [
      { ...controller, name: text },
      { ...controller, kind: text },
      { ...controller, apiVersion: text },
    ]);
    const found = workloadsOf(pods.map((one) => ({ ...stampedPod('team-a', 'full'), controller: one })));
    expect(found).toMatchObject([{ kind: 'Pod', name: 'full-1', pods: pods.length }]);
  });

  it('once, though some of its pods know its uid and others do not', () => {
    const owner = {
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      name: 'echo',
      uid: 'top',
    };
    const owners = new Map([['rs', { ...owner, namespace: 'team-a' }]]);
    const unknown = { ...serving('echo'), name: 'z', controller: { ...controller, uid: 'other' } };
    expect(workloadsOf([unknown, serving('echo')], owners)).toMatchObject([{ ...owner, pods: 2 }]);
  });

  it('with the names of some of its pods, however many they are', () => {
    const pods = Array.from({ length: 5000 }, (_, at) => ({
      ...serving('echo'),
      name: `echo-${10_000 + at}`,
    }));
    const [workload] = workloadsOf(pods.toReversed());
    expect(workload).toMatchObject({ pods: 5000 });
    expect(workload?.podNames).toEqual(pods.slice(0, MOST_POD_NAMES).map(({ name }) => name));
  });
});
