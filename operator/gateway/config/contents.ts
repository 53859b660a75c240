// What a resource is, beside its text: typed where it comes from a configuration, and read once from the files that a
// former process of ours has left. Nothing is derived from a name.
import { memoize } from '../../lib/memo.ts';
import type {
  ClientPorts,
  EnvoyConfig,
  NamedResource,
  RoutedListener,
  RouteTable,
} from '../../render/envoy/envoy-config.ts';

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** One of a configuration's, with what it says of itself. */
export type Resource = NamedResource &
  Partial<Pick<RouteTable, 'lane' | 'classes'> & Pick<RoutedListener, 'routes' | 'clientPorts'>>;

export interface Content {
  /** JSON text of the resource. */
  readonly text: string;
  /** Of a listener: where clients come in; internal listeners have none. */
  readonly places: readonly Place[];
  /** Undefined where a former process left the text alone. */
  readonly of: Resource | undefined;
}

/** By name. */
export type Contents = ReadonlyMap<string, Content>;

export interface ConfigContents {
  readonly internalListeners: Contents;
  readonly clusters: Contents;
  readonly tables: Contents;
  readonly egressListeners: Contents;
  /** Of each table: those of the configuration's clusters that its routes lead to. */
  readonly clustersOf: ReadonlyMap<string, readonly string[]>;
}

export function contentsOf(config: EnvoyConfig): ConfigContents {
  const clusters = contents(config.clusters);
  const clustersOf = config.routeTables.map((table) => {
    return [table.name, table.clusters.filter((name) => clusters.has(name))] as const;
  });
  return {
    internalListeners: contents(config.internalListeners),
    clusters,
    tables: contents(config.routeTables),
    egressListeners: contents(config.egressListeners),
    clustersOf: new Map(clustersOf),
  };
}

/** Most bodies are the same objects from one apply to the next. */
const bodyText = memoize((body: object) => JSON.stringify(body));

/** Of a file that a former process wrote: its listeners say themselves where they listen. */
export function storedContent(body: StoredBody): Content {
  const addresses = [body.address, ...(body.additional_addresses ?? []).map(({ address }) => address)];
  const places = addresses.flatMap((address) => {
    const socket = address?.socket_address;
    return socket === undefined ? [] : [{ address: socket.address, port: socket.port_value }];
  });
  return { text: bodyText(body), places, of: undefined };
}

interface StoredAddress {
  readonly socket_address?: { readonly address: string; readonly port_value: number };
}

export interface StoredBody {
  readonly name: string;
  readonly address?: StoredAddress;
  readonly additional_addresses?: readonly { readonly address: StoredAddress }[];
}

function contents(resources: readonly Resource[]): Contents {
  return new Map(
    resources.map((of) => [of.name, { text: bodyText(of.body), places: placesOf(of.clientPorts), of }]),
  );
}

function placesOf(clientPorts: ClientPorts | undefined): readonly Place[] {
  return clientPorts?.ports.map((port) => ({ address: clientPorts.egressListener.address, port })) ?? [];
}

/** By which two places are compared. */
export function placeKey({ address, port }: Place): string {
  return `${address} ${port}`;
}
