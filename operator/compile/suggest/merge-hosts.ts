// Several exact names with one parent and the same ports -> one wildcard, where somebody asked for such merges: a wildcard
// allows names that nobody recorded. Never at a registrable domain or above, in a shared zone, or above storage hosts.
import { getDomain } from 'tldts';
import { parseAllowedPattern } from '../../model/domain-name.ts';
import { faultOfZone } from '../../model/shared-zone.ts';
import { isAboveStorage } from '../../model/storage-host.ts';
import type { InternetEntry } from './entry-of-host.ts';

export interface MergedEntry {
  readonly entry: InternetEntry;
  /** The names that were asked for. */
  readonly hosts: readonly string[];
}

/** `from`: how many names become a wildcard; undefined: none do. */
export function mergeHosts(
  entries: readonly InternetEntry[],
  from: number | undefined,
): readonly MergedEntry[] {
  const alike = Map.groupBy(entries, ({ destination, ports }) =>
    from === undefined || !mayBeWildcard(parentOf(destination))
      ? destination
      : JSON.stringify([parentOf(destination), ports]),
  );
  return [...alike.values()].flatMap((some) => mergedOf(some, from));
}

function mergedOf(some: readonly InternetEntry[], from: number | undefined): readonly MergedEntry[] {
  const [first] = some;
  const hosts = [...new Set(some.map(({ destination }) => destination))];
  if (first === undefined || from === undefined || hosts.length < Math.max(from, LEAST))
    return some.map((entry) => ({ entry, hosts: [entry.destination] }));
  return [{ entry: { ...first, destination: `*.${parentOf(first.destination)}` }, hosts }];
}

const LEAST = 2;

function parentOf(host: string): string {
  return host.slice(host.indexOf('.') + 1);
}

function mayBeWildcard(parent: string): boolean {
  const destination = `*.${parent}`;
  const registrable = getDomain(parent, { allowPrivateDomains: true });
  return (
    registrable !== null &&
    registrable !== parent &&
    'pattern' in parseAllowedPattern(destination) &&
    faultOfZone({ destination }) === undefined &&
    !isAboveStorage(parent)
  );
}
