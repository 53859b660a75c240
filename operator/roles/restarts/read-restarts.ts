// Workspaces -> what must restart there, by the same plan as the operator's, with the rights of a person. What only some may
// read (when lanes changed, deadlines, owners) is left out where it cannot be read, and a note says what follows.
import { restartPlan, type StaleWorkload, worstFirst } from '../../compile/restart-plan.ts';
import { stalePodOf } from '../../compile/stale-pods.ts';
import type { Owners } from '../../compile/workload-of-pod.ts';
import { POLICY_ASSIGNMENTS } from '../../model/cluster-resources.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import { openingsPast } from '../../model/pod-openings.ts';
import type { StatedWorkload } from '../../model/policy-assignment.ts';
import { OwnerChain, workloadAmong } from '../../sources/kubernetes/owner-chain.ts';
import { type PersonApi, readAll, readOne } from '../shared/person-access.ts';
import {
  type LaneTimes,
  type ReadWorkspace,
  readAllWorkspaces,
  readLaneTimes,
  readWorkspace,
} from './read-workspaces.ts';

export interface RestartRow {
  readonly workload: StaleWorkload;
  /** By what its pods go past their lane: they would not start again with it. */
  readonly openings: readonly string[];
  readonly deadline: string | undefined;
  readonly deadlineAction: string | undefined;
}

export interface Restarts {
  /** Of all workspaces, the worst first. */
  readonly rows: readonly RestartRow[];
  readonly notes: readonly string[];
  readonly laneTimes: LaneTimes;
}

export interface RestartsPlace {
  readonly api: PersonApi;
  /** Undefined: all. */
  readonly workspace: string | undefined;
  readonly systemNamespace: string;
  readonly atMs: number;
  /** Whether to look for what only a status says. */
  readonly withDeadlines: boolean;
}

export async function readRestarts(place: RestartsPlace): Promise<Restarts> {
  const { api, workspace, systemNamespace, atMs } = place;
  const times = await optional(
    readLaneTimes(api, systemNamespace, workspace),
    'so pods that may not use their product may be shown although a restart changes nothing for them',
  );
  const laneTimes: LaneTimes = times.value ?? new Map();
  const read =
    workspace === undefined
      ? await readAllWorkspaces(api, laneTimes)
      : { workspaces: [await readWorkspace(api, workspace, laneTimes)], notes: [] };
  const faults: string[] = [];
  const chain = ownerChain(api, (fault) => faults.push(fault));
  const stale = read.workspaces.flatMap((one) => stalePods(one, atMs));
  const owners = await ownersOf(stale, chain);
  const reading = place.withDeadlines ? readStated(api, workspace) : Promise.resolve(new Map());
  const stated = await optional<StatedByWorkspace>(reading, 'so deadlines are not shown');
  return {
    laneTimes,
    rows: rowsOf(read.workspaces, { owners, stated: stated.value ?? new Map(), atMs }),
    notes: [...read.notes, ...times.notes, ...stated.notes, ...faults],
  };
}

/** Remembers what it has read. */
export function ownerChain(api: PersonApi, onFault: (fault: string) => void): OwnerChain {
  return new OwnerChain({
    api,
    onFailure: ({ owner, error }) =>
      onFault(`Cannot read ${owner}: ${error.message}; so the workload is named as its pods say`),
  });
}

/** By uid of the controllers of the pods. Pods may name one uid falsely, so each reference is followed. */
export async function ownersOf(pods: readonly StampedPod[], chain: OwnerChain): Promise<Owners> {
  const controlled = new Map(
    pods.map(({ namespace, controller }) => [
      JSON.stringify([namespace, controller]),
      { namespace, controller },
    ]),
  );
  const tops = await Promise.all(
    [...controlled.values()].map(async ({ namespace, controller }) => {
      const top = controller && workloadAmong(await chain.follow({ namespace, controller }));
      return controller && top && ([controller.uid, top] as const);
    }),
  );
  return new Map(tops.filter((found) => found !== undefined));
}

/** Those that a restart would give another lane. */
export function stalePods({ pods, lanes }: ReadWorkspace, atMs: number): readonly StampedPod[] {
  return pods.filter((pod) => stalePodOf(pod, lanes, atMs)?.mustRestart === true);
}

type StatedByWorkspace = ReadonlyMap<string, readonly StatedWorkload[]>;

interface Known {
  readonly owners: Owners;
  readonly stated: StatedByWorkspace;
  readonly atMs: number;
}

function rowsOf(
  workspaces: readonly ReadWorkspace[],
  { owners, stated, atMs }: Known,
): readonly RestartRow[] {
  const lanes = new Map(workspaces.map((one) => [one.name, one.lanes]));
  const pods = workspaces.flatMap((one) => one.pods);
  const plan = restartPlan({ pods, owners, atMs, lanesOf: (name) => lanes.get(name) });
  const workloads = [...plan.values()].flatMap((one) => one.workloads).toSorted(worstFirst);
  return workloads.map((workload) => {
    const { deadline, deadlineAction, since } = statedOf(workload, stated) ?? {};
    const staleSinceMs = lanes.get(workload.namespace)?.sinceMs === undefined ? timeOf(since) : undefined;
    return {
      workload: staleSinceMs === undefined ? workload : { ...workload, staleSinceMs },
      openings: openingsOf(workload, pods),
      deadline,
      deadlineAction,
    };
  });
}

function openingsOf(workload: StaleWorkload, pods: readonly StampedPod[]): readonly string[] {
  if (!workload.hasOpenings) return [];
  const own = pods.filter(
    ({ namespace, name }) => namespace === workload.namespace && workload.podNames.includes(name),
  );
  return [...new Set(own.flatMap(({ openings }) => openingsPast(workload.policyLane, openings)))];
}

function statedOf(
  { namespace, kind, name, product }: StaleWorkload,
  stated: StatedByWorkspace,
): StatedWorkload | undefined {
  return stated
    .get(namespace)
    ?.find((one) => one.kind === kind && one.name === name && one.product === product);
}

function timeOf(text = ''): number | undefined {
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

interface Assignment {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly staleWorkloads?: readonly StatedWorkload[] };
}

async function readStated(api: PersonApi, workspace: string | undefined): Promise<StatedByWorkspace> {
  const found =
    workspace === undefined
      ? await readAll(api, POLICY_ASSIGNMENTS)
      : [await readOne(api, POLICY_ASSIGNMENTS, { name: workspace })].filter((one) => one !== undefined);
  const assignments = found as readonly Assignment[];
  return new Map(assignments.map(({ metadata, status }) => [metadata.name, status?.staleWorkloads ?? []]));
}

/** What people can do without. */
async function optional<Kind>(
  reading: Promise<Kind>,
  consequence: string,
): Promise<{ readonly value: Kind | undefined; readonly notes: readonly string[] }> {
  try {
    return { value: await reading, notes: [] };
  } catch (error) {
    return { value: undefined, notes: [`${(error as Error).message}; ${consequence}`] };
  }
}
