// Events of events.k8s.io/v1: the first of a kind is an object, its repetitions a growing series on it. Events are best
// effort: one that the server does not accept is counted and dropped, and never stops a pass.
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { TokenBuckets } from '../../lib/token-buckets.ts';
import { EVENT_CONTROLLER } from '../../model/system-names.ts';
import { createEvent, type EventReporter, type EventToRecord, repeatEvent } from './event-requests.ts';

export interface EventRecorderOptions {
  readonly api: KubernetesApi;
  /** Which replica writes. */
  readonly instance: string;
  readonly onDropped: (event: EventToRecord, error: Error | undefined) => void;
}

/** client-go ends a series that has been quiet for so long. */
const SERIES_MS = 6 * 60_000;
const BURST = 25;
const REFILL_MS = 5 * 60_000;
/** As many as client-go remembers. */
const MAX_OBJECTS = 4096;

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastMs: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #reporter: EventReporter;
  readonly #series = new Map<string, Series>();
  readonly #buckets = new TokenBuckets({ burst: BURST, refillMs: REFILL_MS, maxKeys: MAX_OBJECTS });

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const { api, instance } = options;
    this.#reporter = { api, instance, controller: EVENT_CONTROLLER };
  }

  /** Never throws. */
  async record(event: EventToRecord): Promise<void> {
    this.#forgetOld();
    if (!this.#buckets.take(event.regarding.uid, performance.now())) {
      this.#options.onDropped(event, undefined);
      return;
    }
    try {
      await this.#send(event);
    } catch (error) {
      this.#options.onDropped(event, error as Error);
    }
  }

  async #send(event: EventToRecord): Promise<void> {
    const { regarding, type, reason, action } = event;
    const key = [regarding.uid, type, reason, action, event.note].join('\n');
    const known = this.#series.get(key);
    if (known !== undefined && (await this.#repeat(known))) return;
    this.#series.set(key, await this.#create(event));
  }

  async #repeat(series: Series): Promise<boolean> {
    series.count += 1;
    series.lastMs = performance.now();
    return repeatEvent(this.#reporter, series, { count: series.count, lastObservedMs: Date.now() });
  }

  async #create(event: EventToRecord): Promise<Series> {
    return { ...(await createEvent(this.#reporter, event)), count: 1, lastMs: performance.now() };
  }

  #forgetOld(): void {
    const oldMs = performance.now() - SERIES_MS;
    for (const [key, { lastMs }] of this.#series) if (lastMs < oldMs) this.#series.delete(key);
  }
}
