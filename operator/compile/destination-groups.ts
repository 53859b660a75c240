// One object that allows or blocks something -> its destinations as groups of names. Nothing is said here of other
// objects, so that a change of one costs nothing for the others.
import { formatRange, parseAddressRange } from '../model/address-range.ts';
import { formatPattern, parseNamePattern } from '../model/domain-name.ts';
import type { DestinationGroup } from '../model/egress-table.ts';
import type { Metastore } from '../model/metastore.ts';
import type { InternetDestination, NetworkPolicy } from '../model/network-policy.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';
import { compareText } from '../model/snapshot.ts';
import { type StorageDestination, storageHosts } from '../model/storage-destination.ts';

export type SourceObject = NetworkPolicy | Metastore | PrivateEndpoint;

/** A group with the text that it is ordered by: all of it but the names. */
export interface KeyedGroup {
  readonly key: string;
  readonly group: DestinationGroup;
}

type Ports = DestinationGroup['ports'];
type Entry = Omit<DestinationGroup, 'names'> & { readonly name: string };

/** Where a destination says nothing of ports. */
export const DEFAULT_PORTS: Ports = [
  { port: 443, protocol: 'TLS' },
  { port: 80, protocol: 'HTTP' },
];
const STORAGE_PORTS: Ports = [{ port: 443, protocol: 'TLS' }];
const NO_PORTS: Ports = [];

/** An object never changes, so what is remembered of it is no state; a policy is met once per set that it is in. */
const KNOWN = new WeakMap<SourceObject, readonly KeyedGroup[]>();

/** The object's groups, in order. */
export function keyedGroups(object: SourceObject): readonly KeyedGroup[] {
  const known = KNOWN.get(object) ?? groupEntries(entriesOf(object));
  KNOWN.set(object, known);
  return known;
}

function entriesOf(object: SourceObject): readonly Entry[] {
  switch (object.kind) {
    case 'NetworkPolicy':
      return policyEntries(object);
    case 'Metastore':
      return metastoreEntries(object);
    case 'PrivateEndpoint':
      return privateEndpointEntries(object);
  }
}

function policyEntries(policy: NetworkPolicy): readonly Entry[] {
  const access = policy.spec.egress.networkAccess;
  const source = `NetworkPolicy/${policy.metadata.name}`;
  const blocked = (access.blockedInternetDestinations ?? []).map((destination) =>
    internetEntry('blockedInternetDestinations', source, { ...destination, ports: NO_PORTS }),
  );
  const allowed = (access.allowedInternetDestinations ?? []).map((destination) =>
    internetEntry('allowedInternetDestinations', source, {
      ...destination,
      ports: destination.ports ?? DEFAULT_PORTS,
    }),
  );
  const storage = (access.allowedStorageDestinations ?? []).flatMap((destination) =>
    storageEntries('allowedStorageDestinations', source, destination),
  );
  return [...blocked, ...allowed, ...storage];
}

/** R15, R21, R81: only locations that are known to lie in the metastore's own region are implied. */
function metastoreEntries(metastore: Metastore): readonly Entry[] {
  const source = `Metastore/${metastore.metadata.name}`;
  const locations = (metastore.spec.externalLocations ?? [])
    .filter((location) => location.region === metastore.spec.region)
    .flatMap((location) => storageEntries('externalLocations', source, location));
  const connections = (metastore.spec.connections ?? []).map((connection) =>
    internetEntry('connections', source, {
      destination: connection.destination,
      ports: connection.ports ?? DEFAULT_PORTS,
      expiresAt: connection.transitionEndTime,
    }),
  );
  return [...locations, ...connections];
}

function privateEndpointEntries(endpoint: PrivateEndpoint): readonly Entry[] {
  const source = `PrivateEndpoint/${endpoint.metadata.name}`;
  const addressRanges = canonicalRanges(endpoint.spec.addressRanges ?? []);
  return (endpoint.spec.domains ?? []).map((destination) => ({
    ...internetEntry('privateEndpoints', source, {
      destination,
      ports: endpoint.spec.ports ?? DEFAULT_PORTS,
    }),
    addressRanges,
  }));
}

/** Masked, sorted, each once; what cannot be read opens nothing. */
function canonicalRanges(texts: readonly string[]): string[] {
  const parsed = texts.map(parseAddressRange);
  const ranges = parsed.flatMap((result) => ('range' in result ? [formatRange(result.range)] : []));
  return [...new Set(ranges)].toSorted(compareText);
}

interface WrittenDestination extends Pick<InternetDestination, 'destination' | 'expiresAt'> {
  readonly ports: Ports;
}

function internetEntry(list: Entry['list'], source: string, written: WrittenDestination): Entry {
  const parsed = parseNamePattern(written.destination);
  // The schema has refused such a name already; should one come through, it must match nothing.
  const name = 'pattern' in parsed ? formatPattern(parsed.pattern) : '';
  const expiry = written.expiresAt === undefined ? {} : { expiresAt: written.expiresAt };
  return { list, source, ports: canonicalPorts(written.ports), ...expiry, name };
}

function storageEntries(
  list: Entry['list'],
  source: string,
  destination: StorageDestination,
): readonly Entry[] {
  return storageHosts(destination).map((name) => ({ list, source, ports: STORAGE_PORTS, name }));
}

/** Sorted, each once, with their keys in one order: the hash sees them as text. */
function canonicalPorts(ports: Ports): Ports {
  const byText = new Map(ports.map(({ port, protocol }) => [`${port}/${protocol}`, { port, protocol }]));
  return [...byText.values()].toSorted((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
}

/** Entries that differ in their name only become one group; groups and names are sorted, duplicates merged. */
function groupEntries(entries: readonly Entry[]): readonly KeyedGroup[] {
  const groups = new Map<
    string,
    { readonly group: Omit<DestinationGroup, 'names'>; readonly names: Set<string> }
  >();
  for (const { name, ...group } of entries) {
    if (name === '') continue;
    const key = JSON.stringify(group);
    const known = groups.get(key) ?? { group, names: new Set() };
    known.names.add(name);
    groups.set(key, known);
  }
  return [...groups.entries()]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([key, { group, names }]) => ({ key, group: { ...group, names: [...names].toSorted(compareText) } }));
}
