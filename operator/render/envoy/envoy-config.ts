// What rendering for Envoy takes and gives. Everything is data; the text of files is made where they are written.
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
}

/** What decides for the egress listeners of one table and lane. */
export interface RouteTable extends NamedResource {
  /** Name of the EgressTable. */
  readonly table: string;
  readonly lane: GatewayLane;
  /** Clusters that its routes may lead to, whether there are such or not. */
  readonly clusters: readonly string[];
  readonly classes: readonly ClassifiedNames[];
}

/** A listener behind which a route table decides. */
export interface RoutedListener extends NamedResource {
  /** Name of the RouteTable. */
  readonly routes: string;
  /** Where clients come in; an SNI router is reached from other listeners only. */
  readonly door?: Door;
}

export interface Door {
  readonly egressListener: EgressListener;
  readonly ports: readonly number[];
}

/** Everything one Envoy needs besides its bootstrap. */
export interface EnvoyConfig {
  /** CDS. */
  readonly clusters: readonly NamedResource[];
  /** LDS: internal listeners behind CONNECT. */
  readonly internalListeners: readonly NamedResource[];
  /** LDS: where workspaces come in, and the SNI routers behind them; what decides names a route table. */
  readonly egressListeners: readonly RoutedListener[];
  /** RDS: one file per table and lane, "<name>.json". */
  readonly routeTables: readonly RouteTable[];
}

/** Lanes that lead through the gateway. */
export type GatewayLane = Exclude<Lane, 'full'>;

/** One listening port: the listener says which workspace and lane it is, never the client's address. */
export interface EgressListener {
  readonly name: string;
  readonly workspace: string;
  readonly workspaceId: string;
  /** Where pods share their lane's port, the port does not tell their product. */
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

/** What is the same for every workspace of one gateway. */
export interface GatewaySettings {
  /** Absolute; holds bootstrap.json, lds/, cds/, rds/, log/ and admin.sock. */
  readonly directory: string;
  /** Name servers; empty means those of the machine. */
  readonly resolvers: readonly { readonly address: string; readonly port: number }[];
  /** Ranges taken out of the address guard, for stand-in destinations on loopback. */
  readonly openRanges: readonly AddressRange[];
  /** Ranges added to the address guard: addresses of the cluster itself that are public. */
  readonly denyRanges: readonly AddressRange[];
  /** Addresses of this machine, or pod: what listens there only a gateway reaches of itself. */
  readonly ownAddresses: readonly AddressRange[];
  /** Its lanes' ports where a range is opened that they lie in. */
  readonly ownPlaces: readonly Place[];
  /** Connections that one egress listener may have open, so that no workspace can starve the others. */
  readonly maxConnectionsPerListener: number;
  /** Connections that the gateway takes in all. */
  readonly maxConnections: number;
  /** Of which Envoy refuses what is new when it is nearly used up. */
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
