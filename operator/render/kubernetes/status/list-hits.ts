// What ingress gateways and pods of the API counted -> the hits of each access list. All counts are added; an entry counts
// as never hit only where none of them saw it decide.
import { memoizeLast } from '../../../lib/memo.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import type { PlannedList } from '../../../model/ingress-plan.ts';
import { isBitSet, type ListHitsReport } from '../../../model/list-hits-report.ts';

export interface HitsField {
  readonly total: number;
  readonly lastHitTime?: string;
  readonly entriesNeverHit: number;
}

/** Hits of a busy list change all the time, and each change is a write. */
const REFRESH_MS = 5 * 60_000;

/** By workspace and list. */
export const reportedHits = memoizeLast(
  (
    reports: ClusterState['gatewayReports'],
    apiHits: ClusterState['apiHits'],
  ): ReadonlyMap<string, readonly ListHitsReport[]> =>
    Map.groupBy(
      [...reports.flatMap(({ spec }) => spec.listHits ?? []), ...apiHits],
      ({ workspace, listId }) => hitsKey(workspace, listId),
    ),
);

export function hitsKey(workspace: string, listId: string): string {
  return `${workspace}/${listId}`;
}

/** Undefined where nobody counts. `stored`: of the status as it is. */
export function hitsField(
  rows: readonly ListHitsReport[] | undefined,
  { ipAddresses }: Pick<PlannedList, 'ipAddresses'>,
  stored: unknown,
): HitsField | undefined {
  const before = storedHits(stored);
  if (rows === undefined) return before;
  const bits = rows.map(({ hitEntries }) => Buffer.from(hitEntries, 'base64'));
  const lastHitTime = rows
    .flatMap((row) => row.lastHitTime ?? [])
    .toSorted()
    .at(-1);
  const found = {
    total: rows.reduce((sum, { total }) => sum + total, 0),
    ...(lastHitTime === undefined ? {} : { lastHitTime }),
    entriesNeverHit: ipAddresses.filter((_, at) => !bits.some((packed) => isBitSet(packed, at))).length,
  };
  return before !== undefined && isFresh(before, found) ? before : found;
}

function isFresh(before: HitsField, found: HitsField): boolean {
  return (
    before.total > 0 === found.total > 0 &&
    before.total <= found.total &&
    before.entriesNeverHit === found.entriesNeverHit &&
    timeOf(found) - timeOf(before) < REFRESH_MS
  );
}

function timeOf({ lastHitTime }: HitsField): number {
  return lastHitTime === undefined ? 0 : Date.parse(lastHitTime);
}

function storedHits(status: unknown): HitsField | undefined {
  return (status as { readonly hits?: HitsField } | null | undefined)?.hits;
}
