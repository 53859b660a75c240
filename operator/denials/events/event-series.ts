// Denials -> the writes of Events that are due: one series for each object, destination and verdict. It has no I/O and
// no clock. However many denials come, a series is written twice within ten minutes at most, and token buckets limit the
// writes about one object, of one tenant and altogether; what is not written counts in the next write. Tenants take turns,
// an object has few series and one more for the rest, and whoever has most gives way: a flood takes nothing from others.
import { LRUCache } from 'lru-cache';
import type { ObjectReference } from '../../lib/kubernetes/api-object.ts';
import { TokenBuckets } from '../../lib/token-buckets.ts';
import type { CountedDenials, DenialEvent } from './event-of-denial.ts';
import { Turns } from './turns.ts';

/** Denials of one object. */
export interface NotedDenials {
  readonly denials: CountedDenials;
  readonly regarding: ObjectReference;
  /** Whose denials they are, wherever the object is. */
  readonly tenant: string;
  /** Whether it matters where they are dropped: of several objects of the same denials only for one. */
  readonly isCounted: boolean;
}

export interface EventWrite<Written> {
  readonly series: Series<Written>;
  /** Of all denials of the series. */
  readonly count: number;
}

export interface Series<Written> {
  readonly key: string;
  readonly event: DenialEvent & { readonly namespace: string; readonly regarding: ObjectReference };
  readonly tenant: string;
  readonly isCounted: boolean;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  count: number;
  writtenCount: number;
  /** Of the writes without an answer. */
  unansweredCount: number;
  /** What done() was given; undefined before the first write. */
  written: Written | undefined;
  /** Of the last write and of the one before it. */
  lastWriteMs: number;
  writeBeforeMs: number;
  notBeforeMs: number;
  isWriting: boolean;
  isForgotten: boolean;
}

/** By key, the one that was seen last at the end. */
type Noted<Written> = Map<string, Series<Written>>;

interface Tenant<Written> {
  /** Series of all its objects. */
  size: number;
  /** By uid, the one that was seen last at the end. */
  readonly objects: Map<string, Noted<Written>>;
}

/** client-go renews its series in such a window. */
const WINDOW_MS = 10 * 60_000;
/** The second write of a window comes when it is clear whether it was more than one denial. */
const SECOND_WRITE_MS = 60_000;
/** So long the API server keeps an Event. */
const KEPT_MS = 60 * 60_000;
const MOST_SERIES = 20_000;
const MOST_OF_OBJECT = 20;
const OF_OBJECT = { burst: 10, refillMs: 60_000, maxKeys: 10_000 };
const OF_TENANT = { burst: 100, refillMs: 6_000, maxKeys: 10_000 };
const OF_ALL = { burst: 300, refillMs: 1_000, maxKeys: 1 };

export class EventSeriesPlan<Written extends { readonly isShared: boolean }> {
  readonly #onDropped: (denials: number) => void;
  readonly #tenants = new Map<string, Tenant<Written>>();
  #size = 0;
  readonly #pending = new Turns<Series<Written>>();
  /** By id of the row: a row may come to count more. Empty for a row that no Event is about. */
  readonly #ofRows = new LRUCache<string, Series<Written>[]>({ max: MOST_SERIES });
  readonly #ofObject = new TokenBuckets(OF_OBJECT);
  readonly #ofTenant = new TokenBuckets(OF_TENANT);
  readonly #ofAll = new TokenBuckets(OF_ALL);

  /** `onDropped` is told how many denials no Event counts. */
  constructor(onDropped: (denials: number) => void) {
    this.#onDropped = onDropped;
  }

  /** How many series it has. */
  get size(): number {
    return this.#size;
  }

  note(noted: NotedDenials, nowMs: number): void {
    const { denials } = noted;
    const series = this.#seriesFor(noted, nowMs);
    for (const id of denials.eventIds) this.#ofRows.set(id, [...(this.#ofRows.get(id) ?? []), series]);
    this.#count(series, denials.count, nowMs);
    while (this.#size > MOST_SERIES) this.#forgetOfLargest();
  }

  /** A row counts more now. Of one that is not known, nobody does. */
  raise({ eventId, by }: { readonly eventId: string; readonly by: number }, nowMs: number): void {
    const all = this.#ofRows.get(eventId);
    if (all === undefined) this.#onDropped(by);
    for (const series of all ?? []) this.#count(series, by, nowMs);
  }

  /** A row that no Event is about. */
  ignore(eventId: string): void {
    this.#ofRows.set(eventId, []);
  }

  /** Each must be followed by done(), failed() or refused(). */
  due(nowMs: number, most = Number.POSITIVE_INFINITY): readonly EventWrite<Written>[] {
    let left = most;
    const due = this.#pending.take((series) => {
      const { tenant, event } = series;
      if (left <= 0 || !this.#ofAll.has('', nowMs)) return 'none';
      if (!this.#ofTenant.has(tenant, nowMs)) return 'next tenant';
      if (!isDue(series, nowMs) || !this.#ofObject.take(event.regarding.uid, nowMs)) return 'next';
      this.#ofTenant.take(tenant, nowMs);
      this.#ofAll.take('', nowMs);
      left -= 1;
      return 'taken';
    });
    for (const series of due) series.isWriting = true;
    return due.map((series) => ({ series, count: series.count }));
  }

  done({ series, count }: EventWrite<Written>, written: Written, nowMs: number): void {
    Object.assign(series, { written, isWriting: false, writtenCount: count, unansweredCount: 0 });
    // Another process has written it in this window.
    series.writeBeforeMs = written.isShared ? nowMs : series.lastWriteMs;
    series.lastWriteMs = nowMs;
  }

  /** It is tried again, with what comes meanwhile. `isUnanswered`: it may be written all the same. */
  failed({ series, count }: EventWrite<Written>, isUnanswered: boolean): void {
    series.isWriting = false;
    if (isUnanswered) series.unansweredCount = count - series.writtenCount;
    if (!series.isForgotten) this.#pending.add(series.tenant, series);
  }

  /** The API server does not want it, as in a Namespace that ends: nothing more of it within the window. */
  refused({ series, count }: EventWrite<Written>, nowMs: number): void {
    series.isWriting = false;
    series.notBeforeMs = nowMs + WINDOW_MS;
    this.#drop(series, count - series.writtenCount);
    series.writtenCount = count;
  }

  #seriesFor({ denials, ...about }: NotedDenials, nowMs: number): Series<Written> {
    const { regarding, tenant } = about;
    const owner = this.#tenants.get(tenant) ?? { size: 0, objects: new Map<string, Noted<Written>>() };
    this.#tenants.set(tenant, owner);
    const noted = renewed(owner.objects, regarding.uid, () => new Map<string, Series<Written>>());
    const isNamed = noted.has(denials.key) || this.#hasRoom(noted, nowMs);
    const { key, event } = isNamed ? denials : denials.further;
    return renewed(noted, key, () => {
      this.#size += 1;
      owner.size += 1;
      return newSeries<Written>({ ...about, key, event: event() }, nowMs);
    });
  }

  /** Forgets one whose Event is gone by now, where the object has as many as it may have. */
  #hasRoom(noted: Noted<Written>, nowMs: number): boolean {
    if (noted.size < MOST_OF_OBJECT) return true;
    const [oldest] = noted.values();
    if (oldest === undefined || oldest.lastSeenMs > nowMs - KEPT_MS) return false;
    noted.delete(oldest.key);
    this.#forget(oldest);
    return true;
  }

  #count(series: Series<Written>, by: number, nowMs: number): void {
    if (series.isForgotten) return this.#drop(series, by);
    series.count += by;
    series.lastSeenMs = nowMs;
    this.#pending.add(series.tenant, series);
  }

  /** An object with all its series. */
  #forgetOfLargest(): void {
    const [largest] = [...this.#tenants.values()].toSorted((a, b) => b.size - a.size);
    const [[uid, noted] = ['', undefined]] = largest?.objects ?? [];
    largest?.objects.delete(uid);
    for (const series of noted?.values() ?? []) this.#forget(series);
  }

  #forget(series: Series<Written>): void {
    series.isForgotten = true;
    this.#size -= 1;
    this.#pending.delete(series.tenant, series);
    const tenant = this.#tenants.get(series.tenant);
    if (tenant !== undefined && --tenant.size === 0) this.#tenants.delete(series.tenant);
    this.#drop(series, series.count - series.writtenCount);
  }

  #drop({ isCounted }: Series<Written>, denials: number): void {
    if (isCounted && denials > 0) this.#onDropped(denials);
  }
}

function isDue(
  {
    isWriting,
    notBeforeMs,
    lastWriteMs,
    writeBeforeMs,
  }: Pick<Series<unknown>, 'isWriting' | 'notBeforeMs' | 'lastWriteMs' | 'writeBeforeMs'>,
  nowMs: number,
): boolean {
  return (
    !isWriting && nowMs >= Math.max(notBeforeMs, lastWriteMs + SECOND_WRITE_MS, writeBeforeMs + WINDOW_MS)
  );
}

/** The value of that key, which is the last one from now on. */
function renewed<Value>(all: Map<string, Value>, key: string, make: () => Value): Value {
  const value = all.get(key) ?? make();
  all.delete(key);
  all.set(key, value);
  return value;
}

function newSeries<Written>(
  {
    key,
    event,
    regarding,
    tenant,
    isCounted,
  }: Omit<NotedDenials, 'denials'> & { readonly key: string; readonly event: DenialEvent },
  nowMs: number,
): Series<Written> {
  return {
    ...{ key, tenant, isCounted, firstSeenMs: nowMs, lastSeenMs: nowMs },
    event: { ...event, namespace: regarding.namespace ?? 'default', regarding },
    ...{ count: 0, writtenCount: 0, unansweredCount: 0, written: undefined },
    ...{ lastWriteMs: -WINDOW_MS, writeBeforeMs: -WINDOW_MS, notBeforeMs: 0 },
    ...{ isWriting: false, isForgotten: false },
  };
}
