// What is due of stale pods -> the API server: some are isolated, some evicted. A pod that was isolated just now is left
// alone until the watch has returned that; those that could not be isolated are tried again after all others.
import type { Logger } from '../../lib/logger.ts';
import { PODS } from '../../model/cluster-resources.ts';
import type { DuePod, StaleDeadlines } from '../../model/due-pod.ts';
import { MOST_IN_PASS } from './eviction-order.ts';
import { isolateStalePods } from './isolate-stale-pods.ts';
import type { PodWriting } from './label-pod.ts';
import type { WriteFailures } from './object-writer.ts';
import type { Recorder } from './pod-event.ts';
import { UNSEEN_MS } from './pod-write-memory.ts';
import { type Evictions, StalePodEvictor } from './stale-pod-evictor.ts';

export interface DeadlineEnforcerOptions extends PodWriting {
  readonly recorder: Recorder;
  readonly logger: Logger;
}

export interface Enforced extends Evictions {
  /** What could not be isolated. */
  readonly failed: WriteFailures;
}

export class DeadlineEnforcer {
  readonly #options: DeadlineEnforcerOptions;
  readonly #evictor: StalePodEvictor;
  readonly #isolatedAtMs = new Map<string, number>();
  /** By uid. */
  #failedAtMs: ReadonlyMap<string, number> = new Map();

  constructor(options: DeadlineEnforcerOptions) {
    this.#options = options;
    this.#evictor = new StalePodEvictor({ ...options, onEvicted: (pod) => this.#log('evicted', pod) });
  }

  /** Of workspaces that are not as they should be nothing: a new pod could not start there. */
  async enforce(deadlines: StaleDeadlines, isReady: (workspace: string) => boolean): Promise<Enforced> {
    const { recorder, nowMs } = this.#options;
    const atMs = nowMs();
    for (const [uid, timeMs] of this.#isolatedAtMs)
      if (timeMs + UNSEEN_MS <= atMs) this.#isolatedAtMs.delete(uid);
    const ready = ({ pod }: DuePod): boolean => isReady(pod.namespace);
    const isolate = deadlines.isolate
      .filter((due) => ready(due) && !this.#isolatedAtMs.has(due.pod.uid))
      .toSorted((a, b) => this.#triedMs(a) - this.#triedMs(b));
    const { tried, waiting } = this.#withoutWaiting(isolate, atMs);
    const failed = await isolateStalePods(tried.slice(0, MOST_IN_PASS), this.#options, {
      recorder,
      onIsolated: (due) => {
        this.#isolatedAtMs.set(due.pod.uid, atMs);
        this.#log('isolated', due);
      },
    });
    this.#rememberFailures(isolate, failed);
    const evictions = await this.#evictor.evict({ ...deadlines, evict: deadlines.evict.filter(ready) });
    const changesAtMs = tried.length > MOST_IN_PASS ? nowMs() : evictions.changesAtMs;
    return { failed: [...failed, ...waiting], ...evictions, changesAtMs };
  }

  /** Those that the API server refuses take no place from others until their wait is over, and stay failures. */
  #withoutWaiting(isolate: readonly DuePod[], atMs: number) {
    const { podMemory } = this.#options;
    const refusals = isolate.map((due) => ({ due, error: podMemory.waiting(due.pod.uid, atMs) }));
    const waiting = refusals.flatMap(({ due, error }) =>
      error === undefined ? [] : [{ item: { kind: PODS.kind, metadata: due.pod }, error }],
    );
    return { tried: refusals.flatMap(({ due, error }) => (error === undefined ? [due] : [])), waiting };
  }

  /** Those that nobody may write would keep all behind them from their turn. */
  #triedMs({ pod }: DuePod): number {
    return this.#failedAtMs.get(pod.uid) ?? 0;
  }

  #rememberFailures(due: readonly DuePod[], failed: WriteFailures): void {
    const present = new Set(due.map(({ pod }) => pod.uid));
    const atMs = this.#options.nowMs();
    this.#failedAtMs = new Map([
      ...[...this.#failedAtMs].filter(([uid]) => present.has(uid)),
      ...failed.map(({ item }) => [item.metadata.uid ?? '', atMs] as const),
    ]);
  }

  #log(what: 'isolated' | 'evicted', { pod: { namespace, name, lane }, policyLane }: DuePod): void {
    this.#options.logger.info(`${what} a stale pod`, { workspace: namespace, pod: name, lane, policyLane });
  }
}
