// Which of the pods that are due are evicted now: one of each workload, and the next one once that is gone, or has had its
// time to go, and a new one to come. In: the due pods, those that are ending, and what was tried. A refusal holds for the
// whole workload, and each further one for twice as long; the next attempt takes the next pod, since a budget may refuse one
// and allow another.
import type { DuePod, StaleDeadlines } from '../../model/due-pod.ts';
import { compareText } from '../../model/snapshot.ts';

/** Beyond the time by which its node was to end it. */
const OVERDUE_MS = 30_000;
/** After one pod of a workload the next: a new one may be there, and the watch has returned what we did. */
export const PAUSE_MS = 30_000;
/** What one pass begins, so that leases and statuses do not wait for it. */
export const MOST_IN_PASS = 100;
/** Between two attempts at one workload. */
export const FIRST_WAIT_MS = 15_000;
export const LONGEST_WAIT_MS = 300_000;

export interface Refusal {
  readonly times: number;
  readonly untilMs: number;
  /** Of the pod that was refused last. */
  readonly uid: string;
  /** For people. */
  readonly why: string;
}

export interface EvictionMemory {
  /** By workload: when a pod of it was last evicted. */
  readonly evictedAtMs: ReadonlyMap<string, number>;
  /** By workload. */
  readonly refusals: ReadonlyMap<string, Refusal>;
}

export interface NextEvictions {
  readonly pods: readonly DuePod[];
  /** Epoch milliseconds at which one besides those pods is due, without an event of the API server. */
  readonly changesAtMs: number | undefined;
}

export function nextEvictions(
  { evict, ending }: Pick<StaleDeadlines, 'evict' | 'ending'>,
  { evictedAtMs, refusals }: EvictionMemory,
  atMs: number,
): NextEvictions {
  const freeAtMs = new Map<string, number>();
  const holdUntil = (workload: string, timeMs: number): void => {
    freeAtMs.set(workload, Math.max(freeAtMs.get(workload) ?? timeMs, timeMs));
  };
  for (const { workload, endsAtMs } of ending) holdUntil(workload, endsAtMs + OVERDUE_MS);
  for (const [workload, evictedMs] of evictedAtMs) holdUntil(workload, evictedMs + PAUSE_MS);
  const waits: number[] = [];
  const pods = [...Map.groupBy(evict, ({ workload }) => workload)].flatMap(([key, members]) => {
    const refusal = refusals.get(key);
    const dueMs = Math.max(freeAtMs.get(key) ?? atMs, refusal?.untilMs ?? atMs);
    if (dueMs <= atMs) return nextOf(members, refusal);
    waits.push(dueMs);
    return [];
  });
  if (pods.length > MOST_IN_PASS) waits.push(atMs);
  const changesAtMs = waits.length === 0 ? undefined : waits.reduce((a, b) => Math.min(a, b));
  return { pods: pods.slice(0, MOST_IN_PASS), changesAtMs };
}

/** The oldest, or after a refusal the one behind that. */
function nextOf(members: readonly DuePod[], refusal: Refusal | undefined): readonly DuePod[] {
  const inOrder = members.toSorted(
    (a, b) => (a.pod.createdAtMs ?? 0) - (b.pod.createdAtMs ?? 0) || compareText(a.pod.name, b.pod.name),
  );
  const refused = inOrder.findIndex(({ pod }) => pod.uid === refusal?.uid);
  return inOrder.slice((refused + 1) % inOrder.length).slice(0, 1);
}

/** After one more refusal. */
export function refusedAgain(
  former: Refusal | undefined,
  { uid, why, atMs }: Pick<Refusal, 'uid' | 'why'> & { readonly atMs: number },
): Refusal {
  const times = (former?.times ?? 0) + 1;
  const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(times - 1, 10));
  return { times, uid, why, untilMs: atMs + waitMs };
}
