// Index of an EgressTable at one moment: name or wildcard -> the groups that list it. Groups that have expired by then
// are left out; the caller passes the time.
import { memoizeUntilChange } from '../lib/memo.ts';
import type { DestinationGroup, EgressTableSpec } from '../model/egress-table.ts';
import { parseStorageHost } from '../model/storage-host.ts';

export interface TableIndex {
  readonly table: EgressTableSpec;
  /** Keys are "example.com" and "*.example.com". */
  readonly byPattern: ReadonlyMap<string, readonly DestinationGroup[]>;
}

export interface Match {
  readonly pattern: string;
  readonly group: DestinationGroup;
}

/** The very same answer for the same table, until one of its entries expires. */
export const indexTable = memoizeUntilChange((table: EgressTableSpec, atMs): TableIndex => {
  const byPattern = new Map<string, DestinationGroup[]>();
  for (const group of table.groups) {
    if (group.expiresAt !== undefined && Date.parse(group.expiresAt) <= atMs) continue;
    for (const name of group.names) {
      const groups = byPattern.get(name);
      if (groups === undefined) byPattern.set(name, [group]);
      else groups.push(group);
    }
  }
  return { table, byPattern };
}, expiriesOf);

/**
 * Every entry that covers a canonical name, the exact one first, then from the longest wildcard to the shortest. Of the
 * hosts of a storage provider wildcards cover none, unless they block.
 */
export function matchesOf(index: TableIndex, name: string): readonly Match[] {
  const [exact, ...above] = coveringPatterns(name).map((pattern) =>
    (index.byPattern.get(pattern) ?? []).map((group) => ({ pattern, group })),
  );
  const wildcards = above.flat();
  const isStorage = wildcards.length > 0 && parseStorageHost(name) !== undefined;
  return [...(exact ?? []), ...(isStorage ? wildcards.filter(isBlock) : wildcards)];
}

export function isBlock({ group }: Match): boolean {
  return group.list === 'blockedInternetDestinations';
}

/** "a.b.c" -> "a.b.c", "*.b.c", "*.c". */
export function coveringPatterns(name: string): readonly string[] {
  const labels = name.split('.');
  return [name, ...labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`)];
}

/** The next moment after `atMs` (epoch milliseconds) at which an entry of the table expires, if any. */
export function nextExpiry(table: EgressTableSpec, atMs: number): number | undefined {
  const later = expiriesOf(table).filter((expiryMs) => expiryMs > atMs);
  return later.length === 0 ? undefined : Math.min(...later);
}

/** Moments (epoch milliseconds) from which on an entry is left out. */
export function expiriesOf({ groups }: EgressTableSpec): readonly number[] {
  return groups.flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : [Date.parse(expiresAt)]));
}
