// Events of events.k8s.io/v1: the first of a kind is an object, its repetitions a growing series on it. Events are best
// effort: one that the server does not accept is counted and dropped, and never stops a pass.
import { randomUUID } from 'node:crypto';
import { microTime, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { TokenBuckets } from '../../lib/token-buckets.ts';
import { EVENT_CONTROLLER } from '../../model/system-names.ts';

export interface EventToRecord {
  /** "default" for cluster-scoped objects. */
  readonly namespace: string;
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** One constant word. */
  readonly reason: string;
  /** The action taken or needed, one constant word. */
  readonly action: string;
  /** At most 1,024 bytes. */
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly api: KubernetesApi;
  /** Which replica writes. */
  readonly instance: string;
  readonly onDropped: (event: EventToRecord, error: Error | undefined) => void;
}

const EVENTS: Resource = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  isNamespaced: true,
};
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
  readonly #series = new Map<string, Series>();
  readonly #buckets = new TokenBuckets({ burst: BURST, refillMs: REFILL_MS, maxKeys: MAX_OBJECTS });

  constructor(options: EventRecorderOptions) {
    this.#options = options;
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

  /** False where the Event is gone, as they are after an hour. */
  async #repeat(series: Series): Promise<boolean> {
    series.count += 1;
    series.lastMs = performance.now();
    try {
      await this.#options.api.request({
        method: 'PATCH',
        path: pathOf(EVENTS, series),
        body: { series: { count: series.count, lastObservedTime: microTime(new Date()) } },
        contentType: 'application/merge-patch+json',
      });
      return true;
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return false;
      throw error;
    }
  }

  async #create({ namespace, regarding, type, reason, action, note }: EventToRecord): Promise<Series> {
    const name = `${regarding.name}.${randomUUID().slice(0, 8)}`;
    await this.#options.api.request({
      method: 'POST',
      path: pathOf(EVENTS, { namespace }),
      body: {
        apiVersion: EVENTS.apiVersion,
        kind: EVENTS.kind,
        metadata: { namespace, name },
        eventTime: microTime(new Date()),
        reportingController: EVENT_CONTROLLER,
        reportingInstance: this.#options.instance,
        regarding,
        type,
        reason,
        action,
        note,
      },
    });
    return { name, namespace, count: 1, lastMs: performance.now() };
  }

  #forgetOld(): void {
    const oldMs = performance.now() - SERIES_MS;
    for (const [key, { lastMs }] of this.#series) if (lastMs < oldMs) this.#series.delete(key);
  }
}
