// Two states of a table -> the tunnel checks with tunnels that the later state may no longer allow. Names move between
// shards, and a tunnel stays where it was opened: through the name itself or a wildcard above it.
import { coveringPatterns } from '../../compile/table-index.ts';
import { parseAddressRange, rangesCover } from '../../model/address-range.ts';
import { parseStorageHost } from '../../model/storage-host.ts';
import {
  type ClassifiedNames,
  type DestinationClass,
  type Ports,
  unionOfPorts,
} from './destination-classes.ts';
import { privateCheckName, shardOf, tlsCheckName } from './resource-names.ts';

/** Names whose tunnels ran, or run, through the tunnel checks of so many shards. */
export interface CarriedNames extends ClassifiedNames {
  readonly shards: number;
}

type Allowed = Extract<DestinationClass, { kind: 'allowed' }>;
type Ways = 'commonPorts' | 'allPorts';

/**
 * Tunnel checks, each by the name of its TLS tunnel check, that must close their tunnels. `carried` is everything that
 * may have tunnels; what `before` denied has none.
 */
export function revokedTunnelChecks(
  table: string,
  carried: readonly CarriedNames[],
  before: readonly ClassifiedNames[],
  after: readonly ClassifiedNames[],
): ReadonlySet<string> {
  const [wasOf, isOf] = [classFinder(before), classFinder(after)];
  const areSame = classComparer();
  const carriersOf = carriersByPattern(carried);
  const revoked = new Set<string>();
  for (const pattern of patternsOf([...before, ...after, ...carried])) {
    const [was, is] = [wasOf(pattern), isOf(pattern)];
    if (was?.kind !== 'allowed' || areSame(was, is)) continue;
    const internalListeners = coversOf(pattern).flatMap((cover) =>
      (carriersOf.get(cover) ?? [])
        .filter((names) => loses(names.class, was, is))
        .map((names) => tunnelCheckOf(table, cover, names)),
    );
    for (const tunnelCheck of internalListeners) revoked.add(tunnelCheck);
  }
  return revoked;
}

/** Whether something could be reached before and cannot be reached after, in any lane; true where either is unknown. */
export function revokesAccess(
  before: readonly ClassifiedNames[] | undefined,
  after: readonly ClassifiedNames[] | undefined,
): boolean {
  if (before === undefined || after === undefined) return true;
  if (before === after) return false;
  const [wasOf, isOf] = [classFinder(before), classFinder(after)];
  const areSame = classComparer();
  return [...patternsOf([...before, ...after])].some((pattern) => {
    const [was, is] = [wasOf(pattern), isOf(pattern)];
    if (was?.kind !== 'allowed') return is?.kind === 'blocked' && was === undefined;
    return !areSame(was, is) && !allowsAllOf(was, is);
  });
}

function allowsAllOf(was: Allowed, is: DestinationClass | undefined): boolean {
  const ways: readonly Ways[] = ['commonPorts', 'allPorts'];
  return ways.every((way) =>
    portsFor(was, way).every((port) => is !== undefined && grants(is, way, port, was)),
  );
}

/** The tunnel check of a pattern. */
export function tunnelCheckOf(table: string, pattern: string, names: CarriedNames): string {
  const ranges = names.class.kind === 'allowed' ? names.class.addressRanges : [];
  return ranges.length > 0
    ? privateCheckName('tls', ranges)
    : tlsCheckName(table, shardOf(pattern, names.shards));
}

/** Whether tunnels that were opened with the rights of one class would have the same rights in another. */
export function isWithin(names: DestinationClass, other: DestinationClass | undefined): boolean {
  return !loses(names, names, other);
}

function loses(opened: DestinationClass, was: DestinationClass, is: DestinationClass | undefined): boolean {
  if (opened.kind === 'blocked' || is === opened) return false;
  const lost = (ways: Ways): boolean =>
    portsOf(opened, ways).some(
      (port) => grants(was, ways, port, opened) && (is === undefined || !grants(is, ways, port, opened)),
    );
  return lost('commonPorts') || lost('allPorts');
}

/** Plain HTTP passes a tunnel check on its way to private addresses only. */
function portsOf(opened: Allowed, ways: Ways): Ports {
  const ports = portsFor(opened, ways);
  return opened.addressRanges.length > 0 ? ports : ports.filter(({ protocol }) => protocol !== 'HTTP');
}

function portsFor(names: Allowed, ways: Ways): Ports {
  return ways === 'commonPorts' ? names.commonPorts : unionOfPorts([names.commonPorts, names.internetPorts]);
}

/** Where any bytes are allowed, TLS is. */
function grants(names: DestinationClass, ways: Ways, wanted: Ports[number], opened: Allowed): boolean {
  if (names.kind === 'blocked' || !reaches(names.addressRanges, opened.addressRanges)) return false;
  return portsFor(names, ways).some(
    ({ port, protocol }) =>
      port === wanted.port &&
      (protocol === wanted.protocol || (protocol === 'TCP' && wanted.protocol === 'TLS')),
  );
}

/** Without ranges, every public address and nothing else. */
function reaches(ranges: readonly string[], wanted: readonly string[]): boolean {
  if (ranges.length === 0 || wanted.length === 0) return ranges.length === wanted.length;
  const [outer, inner] = [ranges, wanted].map((texts) =>
    texts.map(parseAddressRange).flatMap((parsed) => ('range' in parsed ? [parsed.range] : [])),
  );
  return rangesCover(outer ?? [], inner ?? []);
}

function carriersByPattern(carried: readonly CarriedNames[]): ReadonlyMap<string, readonly CarriedNames[]> {
  const found = new Map<string, CarriedNames[]>();
  for (const names of carried) {
    for (const pattern of names.patterns) {
      const known = found.get(pattern);
      if (known === undefined) found.set(pattern, [names]);
      else known.push(names);
    }
  }
  return found;
}

function patternsOf(names: readonly ClassifiedNames[]): ReadonlySet<string> {
  return new Set(names.flatMap(({ patterns }) => patterns));
}

/** Finds the class that decides about all names of a pattern that no narrower pattern decides. */
function classFinder(classes: readonly ClassifiedNames[]): (pattern: string) => DestinationClass | undefined {
  const known = new Map(
    classes.flatMap((names) => names.patterns.map((pattern) => [pattern, names.class] as const)),
  );
  return (pattern) => {
    const listed = known.get(pattern);
    if (listed !== undefined) return listed;
    const cover = coversOf(pattern).find((one) => known.has(one));
    return cover === undefined ? undefined : known.get(cover);
  };
}

/** By content; a class is serialised once. */
export function classComparer(): (a: DestinationClass, b: DestinationClass | undefined) => boolean {
  const texts = new Map<DestinationClass, string>();
  const textOf = (names: DestinationClass): string => {
    const text = texts.get(names) ?? JSON.stringify(names);
    texts.set(names, text);
    return text;
  };
  return (a, b) => a === b || (b !== undefined && textOf(a) === textOf(b));
}

/** The pattern itself and every wildcard above it, the narrowest first; storage hosts are covered by none. */
function coversOf(pattern: string): readonly string[] {
  if (pattern.startsWith('*.')) return [pattern, ...coveringPatterns(pattern.slice(2)).slice(1)];
  return parseStorageHost(pattern) === undefined ? coveringPatterns(pattern) : [pattern];
}
