// One object that allows or blocks destinations -> groups of names. Independent of other objects, so that a change of
// one costs nothing for the others.
import { memoize } from '../lib/memo.ts';
import { formatRange, parseAddressRange } from '../model/address-range.ts';
import {
  formatPattern,
  type ParsedPattern,
  parseAllowedPattern,
  parseNamePattern,
  parsePrivatePattern,
} from '../model/domain-name.ts';
import type { DestinationGroup } from '../model/egress-table.ts';
import type { Metastore } from '../model/metastore.ts';
import type { InternetDestination, NetworkPolicy } from '../model/network-policy.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';
import { faultOfZone, type ZonedEntry } from '../model/shared-zone.ts';
import { compareText } from '../model/snapshot.ts';
import { type StorageDestination, storageHosts } from '../model/storage-destination.ts';

export type SourceObject = NetworkPolicy | Metastore | PrivateEndpoint;

/** A group with the text that it is ordered by: all of it but the names. */
export interface KeyedGroup {
  readonly key: string;
  readonly group: DestinationGroup;
}

type Ports = DestinationGroup['ports'];
type List = DestinationGroup['list'];

/** Where a destination names no ports. */
const DEFAULT_PORTS: Ports = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
];
const STORAGE_PORTS: Ports = [{ port: 443, protocol: 'TLS' }];
const NO_PORTS: Ports = [];

/** The object's groups, in order. A policy is met once per set that it is in. */
export const keyedGroups = memoize((object: SourceObject): readonly KeyedGroup[] =>
  mergeGroups(groupsOf(object)),
);

function groupsOf(object: SourceObject): readonly DestinationGroup[] {
  switch (object.kind) {
    case 'NetworkPolicy':
      return policyGroups(object);
    case 'Metastore':
      return metastoreGroups(object);
    case 'PrivateEndpoint':
      return privateEndpointGroups(object);
  }
}

function policyGroups(policy: NetworkPolicy): readonly DestinationGroup[] {
  const access = policy.spec.egress.networkAccess;
  const source = `NetworkPolicy/${policy.metadata.name}`;
  const blocked = (access.blockedInternetDestinations ?? []).map((entry) => ({ ...entry, ports: NO_PORTS }));
  return [
    ...internetGroups('blockedInternetDestinations', source, blocked),
    ...internetGroups(
      'allowedInternetDestinations',
      source,
      (access.allowedInternetDestinations ?? []).filter(isRightZone),
    ),
    ...storageGroups('allowedStorageDestinations', source, access.allowedStorageDestinations ?? []),
  ];
}

/** R15, R21, R81: only locations that are known to lie in the metastore's own region are implied. */
function metastoreGroups({ metadata, spec }: Metastore): readonly DestinationGroup[] {
  const source = `Metastore/${metadata.name}`;
  const locations = (spec.externalLocations ?? []).filter(({ region }) => region === spec.region);
  const connections = (spec.connections ?? []).map(({ transitionEndTime, ...connection }) => ({
    ...connection,
    expiresAt: transitionEndTime,
  }));
  return [
    ...storageGroups('externalLocations', source, locations),
    ...internetGroups('connections', source, connections.filter(isRightZone)),
  ];
}

function privateEndpointGroups({ metadata, spec }: PrivateEndpoint): readonly DestinationGroup[] {
  const addressRanges = canonicalRanges(spec.addressRanges ?? []);
  // Without ranges the names resolve to nothing; a table without ranges would allow their public addresses.
  if (addressRanges.length === 0) return [];
  const domains = (spec.domains ?? []).map((destination) => ({ destination, ports: spec.ports }));
  const groups = internetGroups('privateEndpoints', `PrivateEndpoint/${metadata.name}`, domains);
  return groups.map((group) => ({ ...group, addressRanges }));
}

/** The others are among the snapshot's Problems. */
function isRightZone(entry: ZonedEntry): boolean {
  return faultOfZone(entry) === undefined;
}

/** Masked, sorted, each once; an unreadable range allows nothing. */
function canonicalRanges(texts: readonly string[]): string[] {
  const parsed = texts.map(parseAddressRange);
  const ranges = parsed.flatMap((result) => ('range' in result ? [formatRange(result.range)] : []));
  return [...new Set(ranges)].toSorted(compareText);
}

type WrittenDestination = Pick<InternetDestination, 'destination' | 'ports' | 'expiresAt'>;

/** Destinations that are written alike but for their names share what follows from that: most of 2,500 do. */
function internetGroups(
  list: List,
  source: string,
  destinations: readonly WrittenDestination[],
): readonly DestinationGroup[] {
  const alike = Map.groupBy(destinations, ({ ports, expiresAt }) => JSON.stringify([ports, expiresAt]));
  return [...alike.values()].map((written) => {
    const [{ ports = DEFAULT_PORTS, expiresAt } = {}] = written;
    const expiry = expiresAt === undefined ? {} : { expiresAt };
    const names = written.flatMap(({ destination }) => canonicalName(destination, list));
    return { list, source, ports: canonicalPorts(ports), ...expiry, names };
  });
}

/** The schema has rejected invalid names already; should one get here, it must match nothing. */
function canonicalName(destination: string, list: List): readonly string[] {
  const parsed = parserFor(list)(destination);
  return 'pattern' in parsed ? [formatPattern(parsed.pattern)] : [];
}

function parserFor(list: List): (destination: string) => ParsedPattern {
  if (list === 'blockedInternetDestinations') return parseNamePattern;
  return list === 'privateEndpoints' ? parsePrivatePattern : parseAllowedPattern;
}

function storageGroups(
  list: List,
  source: string,
  destinations: readonly StorageDestination[],
): readonly DestinationGroup[] {
  return [{ list, source, ports: STORAGE_PORTS, names: destinations.flatMap(storageHosts) }];
}

/** Sorted, each once, with their keys in one order: the hash sees them as text. */
function canonicalPorts(ports: Ports): Ports {
  const byText = new Map(ports.map(({ port, protocol }) => [`${port}/${protocol}`, { port, protocol }]));
  return [...byText.values()].toSorted((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
}

/** Groups that differ in their names only become one; groups and names are sorted, each name once, none empty. */
function mergeGroups(groups: readonly DestinationGroup[]): readonly KeyedGroup[] {
  const keyed = groups
    .filter(({ names }) => names.length > 0)
    .map(({ names, ...traits }) => ({ key: JSON.stringify(traits), traits, names }));
  return [...Map.groupBy(keyed, ({ key }) => key)]
    .toSorted(([a], [b]) => compareText(a, b))
    .flatMap(([key, alike]) => {
      const names = [...new Set(alike.flatMap((group) => group.names))].toSorted(compareText);
      return alike.slice(0, 1).map(({ traits }) => ({ key, group: { ...traits, names } }));
    });
}
