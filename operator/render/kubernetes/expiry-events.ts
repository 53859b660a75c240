// Statuses as they were written and as they were before -> the Events that report entries that expire soon, or have
// expired.
import type { ClusterState } from '../../model/cluster-state.ts';
import { formatKey, keyOf } from '../../model/snapshot.ts';
import { eventOf, type WantedEvent } from './events.ts';
import { type Expiry, expiriesOf, expiryNews, recordedExpiriesMs } from './status/expiries.ts';
import type { WantedStatus } from './status/wanted-status.ts';

/** Entries named in a note. */
const MOST_ENTRIES = 5;

export function renderExpiryEvents(
  written: readonly WantedStatus[],
  { snapshot, statuses }: Pick<ClusterState, 'snapshot' | 'statuses'>,
): readonly WantedEvent[] {
  const told = new Map(written.map((status) => [status.key, status]));
  return snapshot.objects.flatMap((object) => {
    const status = told.get(formatKey(keyOf(object)));
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
      .map(({ note, entries, ...told }) =>
        eventOf(status, { ...told, action: 'Expire', note: `${note}: ${nameEntries(entries)}` }),
      );
  });
}

function nameEntries(entries: readonly Expiry[]): string {
  const shown = entries
    .slice(0, MOST_ENTRIES)
    .map(({ what, atMs }) => `${what} at ${new Date(atMs).toISOString()}`);
  const more = entries.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
