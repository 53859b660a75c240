// A table's entries -> for each name pattern, the one class that decides it. Envoy serves the virtual host of the
// most specific matching domain and no other, so everything that a broader entry allows or blocks must be merged
// into the narrower one here; then Envoy and decide() agree.
import { isInternet } from '../../compile/decide.ts';
import {
  coveringPatterns,
  expiriesOf,
  indexTable,
  isBlock,
  type Match,
  matchesOf,
  type TableIndex,
} from '../../compile/table-index.ts';
import { memoizeUntilChange } from '../../lib/memo.ts';
import type { DestinationGroup, EgressTable } from '../../model/egress-table.ts';
import { compareText } from '../../model/snapshot.ts';
import { isMetadataHost } from '../../model/special-address.ts';

export type Ports = DestinationGroup['ports'];

export type DestinationClass =
  | { readonly kind: 'blocked' }
  | {
      readonly kind: 'allowed';
      /** Ports that every lane may use: storage and private endpoints. */
      readonly commonPorts: Ports;
      /** Ports that sealed lanes may not use. */
      readonly internetPorts: Ports;
      /** Not empty for the names of private endpoints: the only addresses that they may resolve to. */
      readonly addressRanges: readonly string[];
    };

export interface ClassifiedNames {
  readonly class: DestinationClass;
  /** "example.com" and "*.example.com", sorted. */
  readonly patterns: readonly string[];
}

/** A table at one moment, with its names in classes. */
export interface ClassifiedTable {
  readonly table: EgressTable;
  readonly classes: readonly ClassifiedNames[];
}

/** Most tables are the very same objects from one change to the next, and 2,500 names take some 20 ms. */
export const classifyTable = memoizeUntilChange(
  (table: EgressTable, atMs): ClassifiedTable => ({
    table,
    classes: classifyNames(indexTable(table.spec, atMs)),
  }),
  ({ spec }) => expiriesOf(spec),
);

/** Classes in a stable order, each with its patterns. */
export function classifyNames(index: TableIndex): readonly ClassifiedNames[] {
  const classes = new Map<string, { readonly class: DestinationClass; readonly patterns: string[] }>();
  const classAndKeyOf = classesOfGroups();
  for (const pattern of index.byPattern.keys()) {
    // Cloud metadata has a virtual host of its own, listed or not; a domain may stand in one only.
    if (isMetadataHost(pattern)) continue;
    const [found, key] = classAndKeyOf(coveringMatches(index, pattern));
    const known = classes.get(key) ?? { class: found, patterns: [] };
    known.patterns.push(pattern);
    classes.set(key, known);
  }
  return [...classes.entries()]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([, { class: found, patterns }]) => ({ class: found, patterns: patterns.toSorted(compareText) }));
}

/** Entries that hold for every name that the pattern covers, but for hosts of storage under a wildcard. */
function coveringMatches(index: TableIndex, pattern: string): readonly Match[] {
  if (!pattern.startsWith('*.')) return matchesOf(index, pattern);
  return [pattern, ...coveringPatterns(pattern.slice(2)).slice(1)].flatMap((cover) =>
    (index.byPattern.get(cover) ?? []).map((group) => ({ pattern: cover, group })),
  );
}

/** Thousands of names are covered by the same few groups, which alone make a class; `key` is its content. */
function classesOfGroups(): (matches: readonly Match[]) => readonly [DestinationClass, string] {
  const numbers = new Map<DestinationGroup, number>();
  const found = new Map<string, readonly [DestinationClass, string]>();
  return (matches) => {
    const groups = matches.map(({ group }) => {
      const number = numbers.get(group) ?? numbers.size;
      numbers.set(group, number);
      return number;
    });
    const covered = groups.join();
    const known = found.get(covered);
    if (known !== undefined) return known;
    const made = classOf(matches);
    const answer = [made, JSON.stringify(made)] as const;
    found.set(covered, answer);
    return answer;
  };
}

function classOf(matches: readonly Match[]): DestinationClass {
  if (matches.some(isBlock)) return { kind: 'blocked' };
  const groups = matches.map(({ group }) => group);
  return {
    kind: 'allowed',
    commonPorts: unionOfPorts(portsOf(groups.filter((group) => !isInternet(group)))),
    internetPorts: unionOfPorts(portsOf(groups.filter(isInternet))),
    addressRanges: [...new Set(groups.flatMap((group) => group.addressRanges ?? []))].toSorted(compareText),
  };
}

function portsOf(groups: readonly DestinationGroup[]): readonly Ports[] {
  return groups.map(({ ports }) => ports);
}

/** Every port and protocol once, in a stable order. */
export function unionOfPorts(lists: readonly Ports[]): Ports {
  const byText = new Map(lists.flat().map((port) => [`${port.port}/${port.protocol}`, port]));
  return [...byText.values()].toSorted((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
}

/** Every distinct set of address ranges of private endpoints. */
export function distinctAddressRanges(classes: readonly ClassifiedNames[]): readonly (readonly string[])[] {
  const sets = new Map(
    classes.map((names) => addressRangesOf(names.class)).map((ranges) => [ranges.join(), ranges]),
  );
  return [...sets.entries()]
    .filter(([, ranges]) => ranges.length > 0)
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([, ranges]) => ranges);
}

export function addressRangesOf(names: DestinationClass): readonly string[] {
  return names.kind === 'allowed' ? names.addressRanges : [];
}
