// Input and output of rendering for Envoy. Everything is data; gateway/ serialises it.
import type { AddressRange } from '../../model/address-range.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { Lane } from '../../model/lane.ts';
import type { TlsPort } from '../../model/lane-port.ts';
import type { Product } from '../../model/product.ts';
import type { ClassifiedNames } from './destination-classes.ts';

export type Json = Readonly<Record<string, unknown>>;

/** `body` is the resource itself, with "@type" and "name". */
export interface NamedResource {
  readonly name: string;
  readonly body: Json;
  /** The EgressTable that it is for; left out where it serves several, or none. */
  readonly table?: string;
}

/** A listener that only other listeners of the same Envoy reach. */
export interface InternalListener extends NamedResource {
  /** The tunnel check that it is a part of; the parts of one close their tunnels together. */
  readonly tunnelCheck?: string;
}

/** The routes of one table and lane, for all egress listeners of it. */
export interface RouteTable extends NamedResource {
  /** Name of the EgressTable. */
  readonly table: string;
  readonly lane: GatewayLane;
  /** Clusters that its routes name, whether they exist or not. */
  readonly clusters: readonly string[];
  readonly classes: readonly ClassifiedNames[];
}

/** A listener behind which a route table decides. */
export interface RoutedListener extends NamedResource {
  /** Name of the RouteTable. */
  readonly routes: string;
  /** Where clients come in; an SNI router is reached from other listeners only. */
  readonly clientPorts?: ClientPorts;
}

export interface ClientPorts {
  readonly egressListener: EgressListener;
  readonly ports: readonly number[];
}

/** Everything one Envoy needs besides its bootstrap. */
export interface EnvoyConfig {
  readonly clusters: readonly NamedResource[];
  /** Internal listeners behind CONNECT. */
  readonly internalListeners: readonly InternalListener[];
  /** Listeners for clients, and the SNI routers behind them; each names a route table. */
  readonly egressListeners: readonly RoutedListener[];
  /** One for each table and lane. */
  readonly routeTables: readonly RouteTable[];
}

/** Lanes that lead through the gateway. */
export type GatewayLane = Exclude<Lane, 'full'>;

/** One listening port of one workspace and lane: the port, never the client's address, identifies them. */
export interface EgressListener {
  readonly name: string;
  readonly workspace: string;
  readonly workspaceId: string;
  /** Absent where pods of several products share their lane's port. */
  readonly product?: Product;
  readonly lane: GatewayLane;
  readonly networkPolicyId: string;
  readonly table: string;
  readonly address: string;
  /** The first of the block. */
  readonly port: number;
  /** Besides 443. */
  readonly tlsPorts: readonly TlsPort[];
}

/** Settings of one gateway. */
export interface GatewaySettings {
  /** Absolute; holds bootstrap.json, resources/, rtds/, log/, admin.sock and xds.sock. */
  readonly directory: string;
  /** Name servers; empty means those of the machine. */
  readonly resolvers: readonly { readonly address: string; readonly port: number }[];
  /** Ranges that the address guard does not deny, for test destinations on loopback. */
  readonly openRanges: readonly AddressRange[];
  /** Ranges added to the address guard: addresses of the cluster itself that are public. */
  readonly denyRanges: readonly AddressRange[];
  /** Addresses of this machine, or pod: only the gateway itself may reach what listens there. */
  readonly ownAddresses: readonly AddressRange[];
  /** Its lanes' ports, where an open range contains its address. */
  readonly ownPlaces: readonly Place[];
  /** Connections that one egress listener may have open, so that no workspace can starve the others. */
  readonly maxConnectionsPerListener: number;
  /** Connections that the gateway accepts in all. */
  readonly maxConnections: number;
  /** When it is nearly used up, Envoy denies new requests and connections. */
  readonly envoyMemoryBytes: number;
}

/** Addresses on some ports only, or on all. */
export interface Place {
  readonly range: AddressRange;
  /** Inclusive. */
  readonly ports?: { readonly from: number; readonly to: number };
}

export interface EnvoyInput {
  readonly tables: readonly EgressTable[];
  readonly egressListeners: readonly EgressListener[];
  readonly settings: GatewaySettings;
  /** Addresses of the Services of all lanes, by which gateways reach each other and themselves. */
  readonly laneAddresses?: readonly string[];
  /** Epoch milliseconds; entries that have expired by then are left out. */
  readonly atMs: number;
}

const TYPE_PREFIX = 'type.googleapis.com/';

/** A named extension with its typed configuration. */
export function extension(name: string, type: string, config: Json = {}): Json {
  return { name, typed_config: typed(type, config) };
}

export function typed(type: string, config: Json = {}): Json {
  return { '@type': `${TYPE_PREFIX}${type}`, ...config };
}
