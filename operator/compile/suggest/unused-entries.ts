// Entries of a policy that nobody used for the whole time, by the counts of the gateway. What was not counted for so
// long is never called unused.
import { formatPattern, parseAllowedPattern } from '../../model/domain-name.ts';
import { type EntryUse, useKey } from '../../model/entry-uses.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import { type StorageDestination, storageHosts } from '../../model/storage-destination.ts';
import { parseStorageHost } from '../../model/storage-host.ts';
import { type AllowedList, describeDestination, type PortEntry } from './entry-of-host.ts';

export interface UnusedEntry {
  readonly list: AllowedList;
  /** Number in the list. */
  readonly at: number;
  readonly text: string;
  readonly why: string;
}

export interface UnusedOptions {
  readonly uses: readonly EntryUse[];
  /** Keys of entries that recorded traffic relies on. */
  readonly relied: ReadonlySet<string>;
  /** Beginning of the time, epoch milliseconds. */
  readonly sinceMs: number;
  readonly atMs: number;
}

export interface UnusedEntries {
  readonly entries: readonly UnusedEntry[];
  /** Not counted for long enough. */
  readonly tooNew: readonly TooNewEntry[];
}

export interface TooNewEntry {
  readonly text: string;
  /** Since when it is counted without a gap; undefined where it is not yet. */
  readonly since: string | undefined;
}

interface Written {
  readonly list: AllowedList;
  readonly at: number;
  readonly text: string;
  /** Each of them is the entry in the words of decide(). */
  readonly names: readonly string[];
  readonly expiresAt?: string | undefined;
}

export function unusedEntries(policy: NetworkPolicy, options: UnusedOptions): UnusedEntries {
  const uses = new Map(options.uses.map((use) => [useKey(use), use]));
  const judged = writtenEntries(policy).map((entry) => ({ entry, verdict: judge(entry, uses, options) }));
  return {
    entries: judged.flatMap(({ entry: { list, at, text }, verdict }) =>
      typeof verdict === 'object' && 'why' in verdict ? [{ list, at, text, why: verdict.why }] : [],
    ),
    tooNew: judged.flatMap(({ entry: { text }, verdict }) =>
      typeof verdict === 'object' && 'since' in verdict ? [{ text, since: verdict.since }] : [],
    ),
  };
}

/** Used; or unused, and why; or counted too short a time. */
type Verdict = 'USED' | { readonly why: string } | { readonly since: string | undefined };

function judge(entry: Written, uses: ReadonlyMap<string, EntryUse>, options: UnusedOptions): Verdict {
  const { relied, sinceMs, atMs } = options;
  if (entry.expiresAt !== undefined && Date.parse(entry.expiresAt) <= atMs)
    return { why: `expired at ${entry.expiresAt}` };
  const keys = entry.names.map((name) => useKey({ list: entry.list, entry: name }));
  if (keys.some((key) => relied.has(key))) return 'USED';
  const found = keys.map((key) => uses.get(key));
  if (found.length === 0 || found.some((use) => use === undefined || Date.parse(use.since) > sinceMs))
    return found.some((use) => wasUsed(use, sinceMs)) ? 'USED' : { since: sinceOfAll(found) };
  if (found.some((use) => wasUsed(use, sinceMs))) return 'USED';
  const last = found
    .flatMap((use) => use?.lastUsed ?? [])
    .toSorted()
    .at(-1);
  return { why: last === undefined ? 'never used since it is counted' : `last used at ${last}` };
}

/** When the last of them began to be counted. */
function sinceOfAll(uses: readonly (EntryUse | undefined)[]): string | undefined {
  if (uses.includes(undefined)) return undefined;
  return uses
    .flatMap((use) => use?.since ?? [])
    .toSorted((a, b) => Date.parse(a) - Date.parse(b))
    .at(-1);
}

function wasUsed(use: EntryUse | undefined, sinceMs: number): boolean {
  return use !== undefined && use.lastUsed !== null && Date.parse(use.lastUsed) >= sinceMs;
}

function writtenEntries(policy: NetworkPolicy): readonly Written[] {
  const access = policy.spec.egress.networkAccess;
  return [
    ...(access.allowedInternetDestinations ?? []).map(({ destination, ports, expiresAt }, at) => ({
      ...{ list: 'allowedInternetDestinations' as const, at, expiresAt },
      text: `${destination}${portsText(ports)}`,
      names: patternOf(destination),
    })),
    ...(access.allowedStorageDestinations ?? []).map((destination, at) => ({
      ...{ list: 'allowedStorageDestinations' as const, at },
      text: describeDestination({ list: 'allowedStorageDestinations', destination }),
      names: locationsOf(destination),
    })),
  ];
}

export function portsText(ports: readonly PortEntry[] | undefined): string {
  if (ports === undefined) return '';
  return ` ${ports.map(({ port, protocol }) => `${port}/${protocol}`).join(' ')}`;
}

function patternOf(destination: string): readonly string[] {
  const parsed = parseAllowedPattern(destination);
  return 'pattern' in parsed ? [formatPattern(parsed.pattern)] : [];
}

function locationsOf(destination: StorageDestination): readonly string[] {
  const locations = storageHosts(destination).map((host) => parseStorageHost(host)?.location ?? host);
  return [...new Set(locations)];
}
