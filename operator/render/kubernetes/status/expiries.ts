// Which expiries are news. The object's status records as one time what has been reported, so that nothing is reported
// twice, whichever replica is leader.
import { type Expiry, expiriesOf } from '../../../compile/expiries.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { formatKey, keyOf, type ObservedObject } from '../../../model/snapshot.ts';
import { eventOf, type WantedEvent } from '../events.ts';
import type { FoundStatus } from './found-status.ts';
import type { WantedStatus } from './wanted-status.ts';

interface ExpiryNews {
  readonly expiring: readonly Expiry[];
  readonly expired: readonly Expiry[];
}

/** How long before its expiry an entry is announced. */
const ANNOUNCED_MS = 24 * 3_600_000;

/** Fields of the status. An object without any expiry has none; an unreadable one retains its fields. */
export function expiryFields(
  object: ObservedObject | undefined,
  stored: unknown,
  atMs: number,
): FoundStatus['fields'] {
  const recordedMs = recordedExpiriesMs(stored);
  if (object === undefined) return recordedMs === undefined ? {} : recordedAt(recordedMs);
  const expiries = expiriesOf(object);
  if (expiries.length === 0) return {};
  const { expiring, expired } = expiryNews(expiries, recordedMs, atMs);
  const isOld = recordedMs !== undefined && expiring.length === 0 && expired.length === 0;
  return {
    expiredDestinations: expiries.filter((one) => one.atMs <= atMs).length,
    ...recordedAt(isOld ? recordedMs : atMs),
  };
}

function recordedAt(timeMs: number): FoundStatus['fields'] {
  return { expiriesToldAt: new Date(timeMs).toISOString() };
}

/** Up to when expiries have been reported according to a status, in epoch milliseconds. */
function recordedExpiriesMs(status: unknown): number | undefined {
  const { expiriesToldAt } = (status ?? {}) as { readonly expiriesToldAt?: unknown };
  const recordedMs = typeof expiriesToldAt === 'string' ? Date.parse(expiriesToldAt) : Number.NaN;
  return Number.isNaN(recordedMs) ? undefined : recordedMs;
}

/** News at one moment since another. At first sight an entry that expired long ago is none. */
function expiryNews(expiries: readonly Expiry[], sinceMs: number | undefined, atMs: number): ExpiryNews {
  const announcedMs = Math.max(atMs, (sinceMs ?? Number.NEGATIVE_INFINITY) + ANNOUNCED_MS);
  return {
    expiring: expiries.filter((one) => announcedMs < one.atMs && one.atMs <= atMs + ANNOUNCED_MS),
    expired: expiries.filter((one) => (sinceMs ?? atMs) < one.atMs && one.atMs <= atMs),
  };
}

/** When the next expiry will be news, in epoch milliseconds. */
export function nextExpiryNews(objects: readonly ObservedObject[], atMs: number): number | undefined {
  const timesMs = objects
    .flatMap((object) => expiriesOf(object))
    .flatMap((one) => [one.atMs - ANNOUNCED_MS, one.atMs])
    .filter((timeMs) => timeMs > atMs);
  return timesMs.length === 0 ? undefined : timesMs.reduce((a, b) => Math.min(a, b));
}

/** Entries named in a note. */
const MOST_ENTRIES = 5;

/**
 * Statuses as they were written and as they were before -> the Events that report entries that expire soon, or have
 * expired.
 */
export function renderExpiryEvents(
  written: readonly WantedStatus[],
  { snapshot, statuses }: Pick<ClusterState, 'snapshot' | 'statuses'>,
): readonly WantedEvent[] {
  const notified = new Map(written.map((status) => [status.key, status]));
  return snapshot.objects.flatMap((object) => {
    const status = notified.get(formatKey(keyOf(object)));
    const recordedMs = recordedExpiriesMs(status?.status);
    if (status === undefined || recordedMs === undefined) return [];
    const beforeMs = recordedExpiriesMs(statuses.get(status.key)?.status);
    const { expiring, expired } = expiryNews(expiriesOf(object), beforeMs, recordedMs);
    const news = [
      { type: 'Warning', reason: 'DestinationExpiring', note: 'Ends soon', entries: expiring },
      { type: 'Normal', reason: 'DestinationExpired', note: 'Has ended', entries: expired },
    ] as const;
    return news
      .filter(({ entries }) => entries.length > 0)
      .map(({ note, entries, ...notified }) =>
        eventOf(status, { ...notified, action: 'Expire', note: `${note}: ${nameEntries(entries)}` }),
      );
  });
}

function nameEntries(entries: readonly Expiry[]): string {
  const shown = entries
    .slice(0, MOST_ENTRIES)
    .map(({ list, name, atMs }) => `${list} "${name}" at ${new Date(atMs).toISOString()}`);
  const more = entries.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
