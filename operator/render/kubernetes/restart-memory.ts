// What Events have said of workloads that must restart: remembered from pass to pass, and where nothing is, as after a
// change of the leader, read from the stored status, which names the same workloads.
import type { StaleWorkload } from '../../compile/restart-plan.ts';
import type { WantedEvent } from './events.ts';

/** By workspace: each that was seen. */
export type RestartMemory = ReadonlyMap<string, RememberedWorkspace>;

export interface RememberedWorkspace {
  readonly workloads: RememberedWorkloads;
  /** An Event on its PolicyAssignment counts workloads that no Event names. */
  readonly hasCounted: boolean;
}

/** By key of the workload. */
export type RememberedWorkloads = ReadonlyMap<string, RememberedWorkload>;

export interface RememberedWorkload {
  readonly workload: NamedWorkload;
  /** Undefined where only its name is known. */
  readonly regarding: WantedEvent['regarding'] | undefined;
  /** The `policyLane` for which an Event names or counts it. */
  readonly notedLane: string | undefined;
  /** Unless that is the lane of now: when the Event is due. */
  readonly dueAtMs: number;
  /** An Event names it. */
  readonly isNamed: boolean;
}

/** As much as a status says of it. */
export interface NamedWorkload {
  readonly kind: string;
  readonly name: string;
  readonly product: string;
  readonly lanes: readonly string[];
  readonly policyLane: string;
  /** Some. */
  readonly podNames: readonly string[];
  readonly staleSinceMs: number | undefined;
}

export const NO_RESTARTS_REMEMBERED: RestartMemory = new Map();

/** By then owners have been read, of which the name of a workload may depend. */
export const HOLD_MS = 10_000;
/** A new leader has all of them to read. */
const FIRST_HOLD_MS = 60_000;
/** An Event may have gone with a leader that ended before it was written; where it was, the same one is refused. */
const UNSURE_MS = 30 * 60_000;

/** The names of a kind are unique in a Namespace; a status says no more. */
export function workloadKey({
  kind,
  name,
  product,
}: Pick<NamedWorkload, 'kind' | 'name' | 'product'>): string {
  return `${kind} ${name} ${product}`;
}

export function isNoted({ workload, notedLane }: RememberedWorkload): boolean {
  return notedLane === workload.policyLane;
}

/** `status`: as it is stored. Of workloads beyond those that it names an Event said how many. */
export function restartsInStatus(
  status: unknown,
  now: readonly StaleWorkload[],
  atMs: number,
): RememberedWorkspace {
  const stored = storedRestarts(status);
  const known = stored.workloads.map((workload): [string, RememberedWorkload] => {
    const isUnsure = workload.staleSinceMs !== undefined && atMs - workload.staleSinceMs < UNSURE_MS;
    const notedLane = isUnsure ? undefined : workload.policyLane;
    const times = { notedLane, dueAtMs: atMs + HOLD_MS };
    return [workloadKey(workload), { workload, regarding: undefined, ...times, isNamed: true }];
  });
  const keys = new Set(now.map(workloadKey));
  const isAnyGone = known.some(([key]) => !keys.has(key));
  const others = now.map((workload): [string, RememberedWorkload] => {
    const notedLane = stored.hasMore ? workload.policyLane : undefined;
    const times = { notedLane, dueAtMs: atMs + (isAnyGone ? FIRST_HOLD_MS : HOLD_MS) };
    return [workloadKey(workload), { workload, regarding: undefined, ...times, isNamed: false }];
  });
  return { workloads: new Map([...others, ...known]), hasCounted: stored.hasMore };
}

interface StoredRestarts {
  readonly workloads: readonly NamedWorkload[];
  readonly hasMore: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

function storedRestarts(status: unknown): StoredRestarts {
  const { restartRequired, staleWorkloads } = (status ?? {}) as Fields;
  const listed: readonly Fields[] = Array.isArray(staleWorkloads) ? staleWorkloads : [];
  const workloads = listed.map(({ kind, name, product, lane, policyLane, since }) => {
    const sinceMs = Date.parse(String(since));
    return {
      ...{ kind: String(kind), name: String(name), product: String(product), podNames: [] },
      ...{ lanes: [String(lane)], policyLane: String(policyLane) },
      staleSinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs,
    };
  });
  return { workloads, hasMore: typeof restartRequired === 'number' && restartRequired > workloads.length };
}
