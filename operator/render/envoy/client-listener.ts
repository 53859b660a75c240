// The common part of an egress listener's listeners: their sockets, the connection limit that keeps a workspace from
// starving others, and a log line for each connection that was closed before a decision.
import { BUFFER_BYTES } from '../../model/limits.ts';
import { accessLog, without } from './access-log.ts';
import { CALLER_KEY, contextOf, sharedCaller } from './caller-context.ts';
import {
  type EgressListener,
  extension,
  type GatewaySettings,
  type Json,
  type RoutedListener,
  typed,
} from './envoy-config.ts';
import { setOnConnection } from './filter-state.ts';
import type { ListenerPlace } from './listener-places.ts';
import { routeTableName } from './resource-names.ts';

interface ListenerParts extends ListenerPlace {
  /** What the client asks for, a format string; empty where one connection may ask for many. */
  readonly authority: string;
  /** The last network filter. */
  readonly filter: Json;
  readonly more?: Json;
}

const WITHOUT_CALLER = without(CALLER_KEY);

export function clientListener(
  egressListener: EgressListener,
  { name, ports, authority, filter, more = {} }: ListenerParts,
  settings: GatewaySettings,
): RoutedListener {
  const [address, ...additional] = ports.map((port) => socketAddress(egressListener.address, port));
  const body = typed('envoy.config.listener.v3.Listener', {
    name,
    // Otherwise its statistics are named after its address.
    stat_prefix: name,
    address,
    additional_addresses: additional.map((other) => ({ address: other })),
    // With it another process of the same user could listen on the port too, and the kernel would silently distribute
    // connections over two policies.
    enable_reuse_port: false,
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    access_log: accessLog(settings, 'egress-listener', contextOf(egressListener, authority), WITHOUT_CALLER),
    filter_chains: [
      {
        name: 'egress-listener',
        filters: [
          connectionLimit(name, settings),
          // Behind the limit, so that a connection closed by it has no caller.
          setOnConnection(sharedCaller(egressListener, authority)),
          filter,
        ],
      },
    ],
    ...more,
  });
  const routes = routeTableName(egressListener.table, egressListener.lane);
  return { name, body, routes, clientPorts: { egressListener, ports } };
}

/** "::" takes IPv4 too, and the log then shows such a client in its usual spelling. */
function socketAddress(address: string, port: number): Json {
  const socket = { address, port_value: port };
  return { socket_address: address === '::' ? { ...socket, ipv4_compat: true } : socket };
}

/** Fairness: a workspace that opens too many connections blocks only itself. */
function connectionLimit(name: string, settings: GatewaySettings): Json {
  return extension(
    'envoy.filters.network.connection_limit',
    'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
    { stat_prefix: name, max_connections: settings.maxConnectionsPerListener },
  );
}
