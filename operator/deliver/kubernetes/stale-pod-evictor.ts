// Evicts pods that ran on past the deadline of their policy's staleWorkloads, by the eviction API, which asks
// PodDisruptionBudgets. What is refused is tried again later, with an Event; the former pod of a workload is gone before
// the next one goes. Remembers what was tried: another leader tries anew, at the same pod.
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../model/cluster-resources.ts';
import type { DuePod, StaleDeadlines } from '../../model/due-pod.ts';
import { compareText } from '../../model/snapshot.ts';
import {
  type EvictionMemory,
  FIRST_WAIT_MS,
  LONGEST_WAIT_MS,
  nextEvictions,
  PAUSE_MS,
  type Refusal,
  refusedAgain,
} from './eviction-order.ts';
import { howToRestart } from './how-to-restart.ts';
import { inParallel } from './in-parallel.ts';
import type { PodWriting } from './label-pod.ts';
import { NoLongerLeader, sendAsLeader } from './object-writer.ts';
import { podEvent, type Recorder } from './pod-event.ts';

export interface Evictions {
  /** By workspace: why pods could not be evicted, for people. */
  readonly refused: ReadonlyMap<string, string>;
  /** Epoch milliseconds at which the next attempt is due. */
  readonly changesAtMs: number | undefined;
}

interface EvictorOptions extends PodWriting {
  readonly recorder: Recorder;
  readonly onEvicted: (pod: DuePod) => void;
}

const FORBIDDEN =
  'the operator has no right to evict pods: install its chart with restarts.evict=true, or say Isolate in spec.staleWorkloads of the policy';
const BY_BUDGET = 'a PodDisruptionBudget allows no disruption now';

export class StalePodEvictor {
  readonly #options: EvictorOptions;
  readonly #evictedAtMs = new Map<string, number>();
  readonly #refusals = new Map<string, Refusal>();

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  async evict(deadlines: Pick<StaleDeadlines, 'evict' | 'ending'>): Promise<Evictions> {
    const { nowMs } = this.#options;
    this.#forget(deadlines.evict, nowMs());
    const { pods } = nextEvictions(deadlines, this.#memory(), nowMs());
    const failures = await inParallel(
      pods.map((due) => ({ kind: PODS.kind, metadata: due.pod, due })),
      ({ due }) => this.#evictOne(due),
    );
    const lost = failures.find(({ error }) => error instanceof NoLongerLeader);
    if (lost !== undefined) return { refused: new Map(), changesAtMs: undefined };
    for (const { item, error } of failures) await this.#refuse(item.due, error);
    const next = nextEvictions(deadlines, this.#memory(), nowMs());
    const changesAtMs = next.pods.length > 0 ? nowMs() : next.changesAtMs;
    return { refused: this.#refused(deadlines.evict), changesAtMs };
  }

  #memory(): EvictionMemory {
    return { evictedAtMs: this.#evictedAtMs, refusals: this.#refusals };
  }

  async #evictOne(due: DuePod): Promise<void> {
    const { api, mayWrite, nowMs, recorder, onEvicted } = this.#options;
    const { namespace, name, uid, lane } = due.pod;
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace, name },
      // A pod of the same name that was made later is in its lane.
      deleteOptions: { preconditions: { uid } },
    };
    const path = pathOf(PODS, { namespace, name, subresource: 'eviction' });
    // A refusal is an answer here: a budget says it as a busy server does, and is asked again later.
    const refusal = await sendAsLeader(mayWrite, () =>
      api.request({ method: 'POST', path, body: eviction }).then(
        () => undefined,
        (error: unknown) => error as Error,
      ),
    );
    const isGone = refusal !== undefined && saysGone(refusal);
    if (refusal !== undefined && !isGone) throw refusal;
    this.#evictedAtMs.set(due.workload, nowMs());
    this.#refusals.delete(due.workload);
    if (isGone) return;
    onEvicted(due);
    const note = `It ran on in lane "${lane}" after its policy gave lane "${due.policyLane}", until the deadline that spec.staleWorkloads of the policy sets, and is evicted now: a new pod gets that lane. ${howToRestart(due)}`;
    await recorder.record(
      podEvent(due.pod, { type: 'Warning', reason: 'StalePodEvicted', action: 'Evict', note }),
    );
  }

  async #refuse(due: DuePod, error: Error): Promise<void> {
    const { pod, workload } = due;
    const why = reasonOf(error);
    const atMs = this.#options.nowMs();
    this.#refusals.set(workload, refusedAgain(this.#refusals.get(workload), { uid: pod.uid, why, atMs }));
    const note = `Cannot evict it at the deadline that spec.staleWorkloads of its policy sets: ${why}. It is tried again, first after ${FIRST_WAIT_MS / 1000} s and at last every ${LONGEST_WAIT_MS / 1000} s. ${howToRestart(due)}`;
    await this.#options.recorder.record(
      podEvent(pod, { type: 'Warning', reason: 'EvictionRefused', action: 'Evict', note }),
    );
  }

  /** Of each workspace the first workload, in order. */
  #refused(due: readonly DuePod[]): Evictions['refused'] {
    const found = due.flatMap((one) => {
      const { pod, workload, workloadName } = one;
      const refusal = this.#refusals.get(workload);
      if (refusal === undefined) return [];
      return [
        [
          pod.namespace,
          `Cannot evict pod "${pod.name}" of ${workloadName}: ${refusal.why}. ${howToRestart(one)}`,
        ] as const,
      ];
    });
    return new Map(found.toSorted(([, a], [, b]) => compareText(b, a)));
  }

  #forget(due: readonly DuePod[], atMs: number): void {
    const workloads = new Set(due.map(({ workload }) => workload));
    for (const key of this.#refusals.keys()) if (!workloads.has(key)) this.#refusals.delete(key);
    for (const [key, timeMs] of this.#evictedAtMs)
      if (timeMs + PAUSE_MS <= atMs) this.#evictedAtMs.delete(key);
  }
}

/** Another pod has its name, or none. */
function saysGone(error: Error): boolean {
  return error instanceof ApiFailure && (error.status === 404 || error.status === 409);
}

function reasonOf(error: Error): string {
  if (!(error instanceof ApiFailure)) return error.message;
  if (error.status === 403 && !error.message.includes('ValidatingAdmissionPolicy')) return FORBIDDEN;
  const isByBudget = error.status === 429 && /disruption budget/i.test(error.message);
  return isByBudget ? [BY_BUDGET, ...budgetsOf(error)].join(': ') : error.message;
}

/** The causes name it, and how many pods it needs; the message of the whole does not. */
function budgetsOf({ causes }: ApiFailure): readonly string[] {
  return causes.flatMap(({ reason, message }) =>
    reason === 'DisruptionBudget' && message !== undefined ? [message.replace(/\.$/, '')] : [],
  );
}
