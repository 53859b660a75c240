// Shared zones: domains under which a provider gives names to its customers (github.io, azurewebsites.net, a storage
// provider's domains). A wildcard at or above one allows the names of all customers, so its entry must say `sharedZone:
// Accept`. In: the name of a wildcard. Out: the zone, or the fault of an entry. A faulty entry allows nothing.
import { getPublicSuffix } from 'tldts';
import trie from 'tldts/dist/cjs/src/data/trie.js';
import { formatPattern, parseAllowedPattern } from './domain-name.ts';
import { parseStorageHost, STORAGE_ZONES } from './storage-host.ts';

export const SHARED_ZONE_ANSWERS = ['Accept'] as const;

/** The fields of an entry that matter here. */
export interface ZonedEntry {
  readonly destination: string;
  readonly sharedZone?: (typeof SHARED_ZONE_ANSWERS)[number] | undefined;
}

/** Why the entry allows nothing as it is, and what to write instead. */
export function faultOfZone({ destination, sharedZone }: ZonedEntry): string | undefined {
  if (!destination.startsWith('*.')) return undefined;
  const parsed = parseAllowedPattern(destination);
  if (!('pattern' in parsed)) return undefined;
  const written = formatPattern(parsed.pattern);
  if (coversStorageOnly(parsed.pattern.name))
    return `Cannot allow "${written}": the names under it are buckets and accounts, which no wildcard covers; list them under allowedStorageDestinations, or by their exact names`;
  const zone = sharedZone === 'Accept' ? undefined : sharedZoneOf(parsed.pattern.name);
  if (zone === undefined) return undefined;
  const strangers =
    zone === parsed.pattern.name
      ? 'other customers have names under it'
      : `other customers have names below it, in "${zone}" for example`;
  return `Cannot allow "${written}" unless the entry says so: ${strangers}; name what you need, or write { destination: "${written}", sharedZone: Accept }`;
}

/** A shared zone that the name is, or that is below it. */
function sharedZoneOf(name: string): string | undefined {
  if (getPublicSuffix(name, { allowPrivateDomains: true }) === name) return name;
  const storage = STORAGE_ZONES.find((domain) => domain === name || domain.endsWith(`.${name}`));
  return ZONES_BELOW.get(name) ?? storage;
}

function coversStorageOnly(name: string): boolean {
  return parseStorageHost(`any.${name}`) !== undefined;
}

const PRIVATE = 2;

/** Every name above a rule of the list's private section, with the first such rule below it. */
const ZONES_BELOW: ReadonlyMap<string, string> = zonesBelow();

function zonesBelow(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const labels = labelsOfEdges();
  const walk = (node: number, name: string): string | undefined => {
    const zones = edgesOf(node).map((edge) => {
      const label = labels[edge] ?? '';
      return walk(trie.edgeChild[edge] ?? 0, name === '' ? label : `${label}.${name}`);
    });
    const below = zones.find((zone) => zone !== undefined);
    if (below !== undefined) found.set(name, below);
    return isPrivate(node) ? name : below;
  };
  walk(trie.rulesRoot, '');
  return found;
}

function edgesOf(node: number): readonly number[] {
  const [first = 0, end = 0] = [trie.edgeStart[node], trie.edgeStart[node + 1]];
  return Array.from({ length: end - first }, (_, at) => first + at);
}

function isPrivate(node: number): boolean {
  return ((trie.nodeFlags[node] ?? 0) & PRIVATE) !== 0;
}

function labelsOfEdges(): readonly string[] {
  let next = 0;
  return Array.from(trie.edgeLength, (length) => {
    const start = next;
    next += length;
    return trie.labelText.slice(start, next);
  });
}
