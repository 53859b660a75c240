// Exact names directly below a zone that somebody named, with the same ports -> one wildcard. A wildcard allows names that
// nobody recorded, and whether strangers can have names in a zone is nothing that a program can know of all zones: so only
// a person chooses zones, never what workloads asked for.
import { formatPattern, parseAllowedPattern } from '../../model/domain-name.ts';
import { faultOfZone } from '../../model/shared-zone.ts';
import { parseStorageHost } from '../../model/storage-host.ts';
import type { InternetEntry } from './entry-of-host.ts';

export interface MergedEntry {
  readonly entry: InternetEntry;
  /** The names that were asked for. */
  readonly hosts: readonly string[];
}

/** "data.example.com" or "*.data.example.com" -> its canonical name, where a policy accepts its wildcard as it is. */
export function parseWildcardZone(text: string): { readonly zone: string } | { readonly fault: string } {
  const destination = text.startsWith('*.') ? text : `*.${text}`;
  const parsed = parseAllowedPattern(destination);
  if ('fault' in parsed) return { fault: parsed.message };
  const fault = faultOfZone({ destination: formatPattern(parsed.pattern) });
  return fault === undefined ? { zone: parsed.pattern.name } : { fault };
}

export function mergeHosts(
  entries: readonly InternetEntry[],
  zones: readonly string[],
): readonly MergedEntry[] {
  const alike = Map.groupBy(entries, ({ destination, ports }) =>
    zones.includes(parentOf(destination)) && parseStorageHost(destination) === undefined
      ? JSON.stringify([parentOf(destination), ports])
      : destination,
  );
  return [...alike.values()].flatMap(mergedOf);
}

function mergedOf(some: readonly InternetEntry[]): readonly MergedEntry[] {
  const [first] = some;
  const hosts = [...new Set(some.map(({ destination }) => destination))];
  if (first === undefined || hosts.length < LEAST)
    return some.map((entry) => ({ entry, hosts: [entry.destination] }));
  return [{ entry: { ...first, destination: `*.${parentOf(first.destination)}` }, hosts }];
}

const LEAST = 2;

function parentOf(host: string): string {
  return host.slice(host.indexOf('.') + 1);
}
