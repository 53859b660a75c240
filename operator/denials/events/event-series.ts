// Denials -> the writes of Events that are due: one series for each object, destination and verdict. It has no I/O and
// no clock. However many denials come, a series is written twice within ten minutes at most, and token buckets limit the
// writes about one object, in one Namespace and altogether; what is not written counts in the next write.
import { LRUCache } from 'lru-cache';
import { TokenBuckets } from '../../lib/token-buckets.ts';
import type { DenialEvent, NotedDenial } from './event-of-denial.ts';

export interface RegardingObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined for a cluster-scoped one. */
  readonly namespace?: string | undefined;
  readonly uid: string;
}

export interface EventWrite {
  readonly key: string;
  readonly event: DenialEvent & { readonly namespace: string; readonly regarding: RegardingObject };
  /** Of all denials of the series. */
  readonly count: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** What done() was given; undefined before the first write. */
  readonly written: { readonly namespace: string; readonly name: string } | undefined;
}

interface Series {
  readonly event: EventWrite['event'];
  readonly firstSeenMs: number;
  lastSeenMs: number;
  count: number;
  writtenCount: number;
  /** Of the last write and of the one before it. */
  lastWriteMs: number;
  writeBeforeMs: number;
  failures: number;
  isWriting: boolean;
  notBeforeMs: number;
  written: EventWrite['written'];
}

/** client-go renews its series in such a window. */
const WINDOW_MS = 10 * 60_000;
/** The second write of a window comes when it is clear whether it was more than one denial. */
const SECOND_WRITE_MS = 60_000;
const RETRY_MS = 10_000;
const MOST_FAILURES = 4;
const MOST_SERIES = 20_000;
const OF_OBJECT = { burst: 10, refillMs: 60_000, maxKeys: 10_000 };
const OF_NAMESPACE = { burst: 100, refillMs: 6_000, maxKeys: 10_000 };
const OF_ALL = { burst: 300, refillMs: 1_000, maxKeys: 1 };

export class EventSeriesPlan {
  readonly #onDropped: (denials: number) => void;
  /** One that is dropped takes its unwritten denials with it. */
  readonly #series = new LRUCache<string, Series>({
    max: MOST_SERIES,
    dispose: (series, key, reason) => {
      if (reason !== 'evict') return;
      this.#pending.delete(key);
      this.#drop(series);
    },
  });
  readonly #pending = new Set<string>();
  /** By id of the row: a row may come to count more. */
  readonly #keysOfRows = new LRUCache<string, string[]>({ max: MOST_SERIES });
  readonly #ofObject = new TokenBuckets(OF_OBJECT);
  readonly #ofNamespace = new TokenBuckets(OF_NAMESPACE);
  readonly #ofAll = new TokenBuckets(OF_ALL);

  /** `onDropped` is told how many denials no Event counts. */
  constructor(onDropped: (denials: number) => void) {
    this.#onDropped = onDropped;
  }

  /** A row, and an object that it is about. */
  note(denial: NotedDenial, regarding: RegardingObject, nowMs: number): void {
    const key = `${regarding.uid} ${denial.key}`;
    if (!this.#series.has(key)) this.#series.set(key, seriesOf(denial, regarding, nowMs));
    this.#keysOfRows.set(denial.eventId, [...(this.#keysOfRows.get(denial.eventId) ?? []), key]);
    this.#count(key, denial.repeats, nowMs);
  }

  /** A row that was noted counts more now. */
  raise({ eventId, by }: { readonly eventId: string; readonly by: number }, nowMs: number): void {
    for (const key of this.#keysOfRows.get(eventId) ?? []) this.#count(key, by, nowMs);
  }

  #count(key: string, by: number, nowMs: number): void {
    const series = this.#series.get(key);
    if (series === undefined) return;
    series.count += by;
    series.lastSeenMs = nowMs;
    this.#pending.add(key);
  }

  /** Each must be followed by done() or failed(). */
  due(nowMs: number): readonly EventWrite[] {
    const writes: EventWrite[] = [];
    for (const key of this.#pending) {
      const series = this.#series.peek(key);
      if (series === undefined || !this.#mayWrite(series, nowMs)) continue;
      this.#pending.delete(key);
      series.isWriting = true;
      const { event, count, firstSeenMs, lastSeenMs, written } = series;
      writes.push({ key, event, count, firstSeenMs, lastSeenMs, written });
    }
    return writes;
  }

  done({ key, count }: EventWrite, written: EventWrite['written'], nowMs: number): void {
    const series = this.#series.peek(key);
    if (series === undefined) return;
    Object.assign(series, { written, isWriting: false, failures: 0, writtenCount: count });
    series.writeBeforeMs = series.lastWriteMs;
    series.lastWriteMs = nowMs;
  }

  /** It is tried again a few times, and then with the next denial. */
  failed({ key }: EventWrite, nowMs: number): void {
    const series = this.#series.peek(key);
    if (series === undefined) return;
    series.isWriting = false;
    series.failures += 1;
    series.notBeforeMs = nowMs + RETRY_MS * series.failures;
    if (series.failures < MOST_FAILURES) this.#pending.add(key);
    else if (!this.#pending.has(key)) this.#forget(key, series);
  }

  #mayWrite({ isWriting, notBeforeMs, lastWriteMs, writeBeforeMs, event }: Series, nowMs: number): boolean {
    const dueMs = Math.max(notBeforeMs, lastWriteMs + SECOND_WRITE_MS, writeBeforeMs + WINDOW_MS);
    if (isWriting || nowMs < dueMs) return false;
    return (
      this.#ofObject.take(event.regarding.uid, nowMs) &&
      this.#ofNamespace.take(event.namespace, nowMs) &&
      this.#ofAll.take('', nowMs)
    );
  }

  #forget(key: string, series: Series): void {
    this.#series.delete(key);
    this.#drop(series);
  }

  #drop({ count, writtenCount }: Series): void {
    if (count > writtenCount) this.#onDropped(count - writtenCount);
  }
}

function seriesOf(denial: NotedDenial, regarding: RegardingObject, nowMs: number): Series {
  return {
    event: { ...denial.event(), namespace: regarding.namespace ?? 'default', regarding },
    firstSeenMs: nowMs,
    lastSeenMs: nowMs,
    ...{ count: 0, writtenCount: 0, failures: 0, isWriting: false, written: undefined },
    ...{ lastWriteMs: -WINDOW_MS, writeBeforeMs: -WINDOW_MS, notBeforeMs: 0 },
  };
}
