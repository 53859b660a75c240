// Pods, and the lanes that plans give to products now -> the workloads of each workspace that must restart before its
// policy applies to them, the worst first, with the commands for it. Pods retain their lane until they restart (R39), and
// lanes differ by access mode and dry-run only: so another destination makes nothing stale (R40), a change between policies of
// different enforcement types does (R47), and a change back leaves nothing.
import type { StampedPod } from '../model/cluster-state.ts';
import { LANES, type Lane } from '../model/lane.ts';
import { groupOf } from '../model/pod-owner.ts';
import { compareText } from '../model/snapshot.ts';
import { type Deadline, deadlineOf, type StaleSettings } from './stale-deadlines.ts';
import { type StalePod, stalePodOf, type WorkspaceLanes } from './stale-pods.ts';
import { type Owners, type PodWorkload, workloadOfPod } from './workload-of-pod.ts';

export interface RestartPlanInput {
  readonly pods: readonly StampedPod[];
  /** Undefined for what is no workspace. */
  readonly lanesOf: (workspace: string) => WorkspaceLanes | undefined;
  /** May be empty. */
  readonly owners: Owners;
  /** What policies say of stale pods; without it nothing. */
  readonly settingOf?: StaleSettings;
  readonly atMs: number;
}

/** Of one product; another product of the same owner is another. */
export interface StaleWorkload extends PodWorkload {
  readonly namespace: string;
  readonly product: string;
  /** How many are stale, and the names of some. */
  readonly pods: number;
  readonly podNames: readonly string[];
  /** Of the pod that is named first. */
  readonly podUid: string;
  /** Those of its pods, the most open first. */
  readonly lanes: readonly string[];
  /** The one that new pods get. */
  readonly policyLane: Lane;
  readonly isMoreOpen: boolean;
  /** Of its stale pods the oldest; epoch milliseconds. */
  readonly runningSinceMs: number | undefined;
  readonly staleSinceMs: number | undefined;
  /** Of its stale pods those that were isolated at a deadline. */
  readonly isolatedPods: number;
  /** When the policy first acts on one of its pods. */
  readonly deadline?: Deadline | undefined;
  /** Some of its pods go past their lane: as they are they would not start again, so there are no commands. */
  readonly hasOpenings: boolean;
  readonly commands: readonly string[];
}

export interface WorkspaceRestarts {
  readonly workloads: readonly StaleWorkload[];
  /** Those of the workloads. */
  readonly podCount: number;
  /** Pods in lanes more open than those of their product: those that settle by themselves among them. */
  readonly moreOpenPods: number;
  readonly moreOpenByLane: ReadonlyMap<Lane, number>;
  readonly settlingPods: number;
  /** When the policy acts, the earliest first. */
  readonly deadlines: readonly CountedDeadline[];
  /** Pods that go past their lane, in order: `pod "web" by hostNetwork`. */
  readonly past: readonly string[];
}

export interface CountedDeadline extends Deadline {
  readonly pods: number;
}

const MOST_POD_NAMES = 10;
const NO_SETTINGS: StaleSettings = () => undefined;

/** By workspace; one without such pods is left out. */
export function restartPlan(input: RestartPlanInput): ReadonlyMap<string, WorkspaceRestarts> {
  const { pods, lanesOf, owners, settingOf = NO_SETTINGS, atMs } = input;
  const found = new Map<string, WorkspaceRestarts>();
  for (const [workspace, own] of Map.groupBy(pods, ({ namespace }) => namespace)) {
    const lanes = lanesOf(workspace);
    const stale = lanes === undefined ? [] : own.flatMap((pod) => stalePodOf(pod, lanes, atMs) ?? []);
    if (stale.length === 0) continue;
    const setting = settingOf(workspace);
    const members = stale
      .filter(({ mustRestart }) => mustRestart)
      .map(
        (one): Member => ({
          stale: one,
          workload: workloadOfPod(one.pod, owners),
          deadline: deadlineOf(one, setting),
        }),
      );
    found.set(workspace, restartsOf(stale, members));
  }
  return found;
}

interface Member {
  readonly workload: PodWorkload;
  readonly stale: StalePod;
  readonly deadline: Deadline | undefined;
}

function restartsOf(stale: readonly StalePod[], members: readonly Member[]): WorkspaceRestarts {
  const open = stale.filter((one) => one.isMoreOpen);
  const counts = new Map<Lane, number>();
  for (const lane of LANES) {
    const count = open.filter((one) => one.lane === lane).length;
    if (count > 0) counts.set(lane, count);
  }
  return {
    workloads: workloadsOf(members),
    podCount: members.length,
    moreOpenPods: open.length,
    moreOpenByLane: counts,
    settlingPods: open.filter(({ isSettling }) => isSettling).length,
    deadlines: deadlinesOf(members),
    past: stale
      .filter(({ openings }) => openings.length > 0)
      .map(({ pod, openings }) => `pod "${pod.name}" by ${openings.join(', ')}`)
      .toSorted(compareText),
  };
}

function deadlinesOf(members: readonly Member[]): readonly CountedDeadline[] {
  const all = members.flatMap(({ deadline }) => deadline ?? []);
  const groups = Map.groupBy(all, ({ action, atMs }) => `${action} ${atMs}`);
  return [...groups.values()]
    .flatMap((group) => group.slice(0, 1).map((one) => ({ ...one, pods: group.length })))
    .toSorted((a, b) => a.atMs - b.atMs || compareText(a.action, b.action));
}

function workloadsOf(members: readonly Member[]): readonly StaleWorkload[] {
  // The uid may be known by some of its pods only.
  const groups = Map.groupBy(members, ({ stale: { pod }, workload: { apiVersion, kind, name } }) =>
    [pod.product, groupOf(apiVersion), kind, name].join(' '),
  );
  return [...groups.values()].map(staleWorkloadOf).toSorted(worstFirst);
}

function staleWorkloadOf(members: readonly Member[]): StaleWorkload {
  const known = members.find(({ workload }) => workload.uid !== undefined) ?? members[0];
  if (known === undefined) throw new Error('A group has members');
  const { workload, stale } = known;
  const { namespace, product } = stale.pod;
  const pods = members
    .map((one) => one.stale.pod)
    .toSorted((a, b) => compareText(a.name, b.name))
    .slice(0, MOST_POD_NAMES);
  const podNames = pods.map((pod) => pod.name);
  const hasOpenings = members.some((one) => one.stale.openings.length > 0);
  const { commands } = workload.workloadKind.restart;
  return {
    ...workload,
    ...{ namespace, product, policyLane: strictestOf(members) ?? stale.policyLane },
    pods: members.length,
    podNames,
    podUid: pods[0]?.uid ?? '',
    lanes: [...new Set(members.map((one) => one.stale.lane))].toSorted((a, b) => rank(a) - rank(b)),
    isMoreOpen: members.some((one) => one.stale.isMoreOpen),
    runningSinceMs: earliest(members.map((one) => one.stale.pod.createdAtMs)),
    staleSinceMs: earliest(members.map((one) => one.stale.staleSinceMs)),
    isolatedPods: members.filter((one) => one.stale.isIsolated).length,
    deadline: members.flatMap((one) => one.deadline ?? []).toSorted((a, b) => a.atMs - b.atMs)[0],
    hasOpenings,
    commands: hasOpenings ? [] : commands({ namespace, name: workload.name, podNames }),
  };
}

/** Pods of one product differ where nobody has asked whether some of them may use its lane (stale-pods.ts). */
function strictestOf(members: readonly Member[]): Lane | undefined {
  return LANES.findLast((lane) => members.some(({ stale }) => stale.policyLane === lane));
}

/** More open before stricter, then the wider gap, then the longest. */
export function worstFirst(a: StaleWorkload, b: StaleWorkload): number {
  return (
    Number(b.isMoreOpen) - Number(a.isMoreOpen) ||
    gapOf(b) - gapOf(a) ||
    (a.staleSinceMs ?? Number.MAX_SAFE_INTEGER) - (b.staleSinceMs ?? Number.MAX_SAFE_INTEGER) ||
    compareText(`${a.kind} ${a.name} ${a.product}`, `${b.kind} ${b.name} ${b.product}`)
  );
}

/** Between the lane that differs most, in the direction that counts, and the wanted one. */
function gapOf({ lanes, policyLane, isMoreOpen }: StaleWorkload): number {
  const steps = lanes.map((lane) => rank(policyLane) - rank(lane));
  return isMoreOpen ? Math.max(...steps) : Math.max(...steps.map((step) => -step));
}

/** LANES is in order of openness; one that nobody knows leads nowhere. */
function rank(lane: string): number {
  const place = LANES.findIndex((known) => known === lane);
  return place < 0 ? LANES.length : place;
}

function earliest(timesMs: readonly (number | undefined)[]): number | undefined {
  const known = timesMs.filter((timeMs) => timeMs !== undefined);
  return known.length === 0 ? undefined : known.reduce((a, b) => Math.min(a, b));
}
