// What guards against a lock-out depend on besides objects: the time, and who was there.
import { CALLER_SEEN_MS, type Caller, MAX_CALLERS_PER_WORKSPACE } from '../../model/caller-report.ts';
import { compareText } from '../../model/snapshot.ts';

export interface Moment {
  readonly atMs: number;
  /** Administrators who called. */
  readonly callers: readonly Caller[];
}

/** By Namespace: where administrators were in the last day, the newest of each. */
export function addressesOf({ callers, atMs }: Moment): ReadonlyMap<string, readonly string[]> {
  const recent = callers
    .filter(({ lastSeen }) => atMs - Date.parse(lastSeen) < CALLER_SEEN_MS)
    .toSorted((a, b) => compareText(b.lastSeen, a.lastSeen));
  const byPlace = [...Map.groupBy(recent, ({ workspace }) => workspace)].map(([workspace, seen]) => {
    const newest = [...new Set(seen.map(({ address }) => address))].slice(0, MAX_CALLERS_PER_WORKSPACE);
    return [workspace, newest.toSorted(compareText)] as const;
  });
  return new Map(byPlace);
}
