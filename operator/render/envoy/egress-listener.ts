// Egress listeners of one workspace and lane, or product: the proxy, which serves transparent HTTP too, and one for each
// TLS port; and the SNI router behind those. The listener, and nothing that a client sends, says whose request it is.
import { memoize } from '../../lib/memo.ts';
import { CLIENT_HELLO_TIMEOUT_MS } from '../../model/access-log-line.ts';
import { ASKED_AUTHORITY, contextOf, contextOfCaller } from './caller-context.ts';
import { clientListener } from './client-listener.ts';
import { MAX_TUNNEL_AGE_S } from './deny-routes.ts';
import type { LaneCaches } from './dns-cache.ts';
import { egressManager } from './egress-manager.ts';
import {
  type EgressListener,
  extension,
  type GatewayLane,
  type GatewaySettings,
  type Json,
  type RoutedListener,
} from './envoy-config.ts';
import { internalListener } from './internal-listener.ts';
import { proxyPlace, tlsPlaces } from './listener-places.ts';
import { routeTableName, sniRouterName } from './resource-names.ts';
import { inspectTls } from './tls-inspection.ts';

/**
 * The very same answer for the same egress listener and cache: with 2,000 of them, text alone takes 200 ms. Envoy's
 * name of the cache ends in a hash of all that it denies.
 */
export const renderEgressListener = memoize(
  (
    egressListener: EgressListener,
    caches: LaneCaches,
    settings: GatewaySettings,
  ): readonly RoutedListener[] => [
    proxyListener(egressListener, caches, settings),
    ...tlsListeners(egressListener, settings),
  ],
  ({ table, lane }, caches, settings) => [caches.of(table, lane).config['name'], settings],
);

/**
 * What clients send that know of the proxy, and on a second port plain HTTP of those that do not: the same requests to
 * the same table.
 */
function proxyListener(
  egressListener: EgressListener,
  caches: LaneCaches,
  settings: GatewaySettings,
): RoutedListener {
  const { table, lane } = egressListener;
  const context = contextOf(egressListener, ASKED_AUTHORITY);
  const filter = egressManager({ listener: 'proxy', table, lane, context }, caches, settings);
  return clientListener(egressListener, { ...proxyPlace(egressListener), authority: '', filter }, settings);
}

/**
 * Transparent TLS: a listener per port that clients connect to as if it were the server's. The server name becomes a
 * CONNECT to the SNI router, so that the same table decides; the packet's destination address has no effect.
 */
function tlsListeners(egressListener: EgressListener, settings: GatewaySettings): readonly RoutedListener[] {
  return tlsPlaces(egressListener).map((place) => {
    const authority = `%REQUESTED_SERVER_NAME%:${place.serverPort}`;
    const parts = {
      ...place,
      authority,
      filter: connectToSniRouter(egressListener, authority),
      more: {
        listener_filters: inspectTls(true),
        // Also ends connections of protocols in which the server speaks first: nobody speaks then.
        listener_filters_timeout: `${CLIENT_HELLO_TIMEOUT_MS / 1000}s`,
      },
    };
    return clientListener(egressListener, parts, settings);
  });
}

function connectToSniRouter({ table, lane }: EgressListener, hostname: string): Json {
  return extension(
    'envoy.filters.network.tcp_proxy',
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    {
      stat_prefix: 'tls',
      cluster: sniRouterName(table, lane),
      idle_timeout: '3600s',
      max_downstream_connection_duration: `${MAX_TUNNEL_AGE_S}s`,
      tunneling_config: { hostname },
    },
  );
}

/**
 * One per table and lane, behind the TLS listeners. The caller comes with the connection, as filter state; of what a
 * client sends only the server name gets here.
 */
export function sniRouter(
  table: string,
  lane: GatewayLane,
  caches: LaneCaches,
  settings: GatewaySettings,
): RoutedListener {
  const name = sniRouterName(table, lane);
  const manager = egressManager(
    { listener: 'sni-router', table, lane, context: contextOfCaller() },
    caches,
    settings,
  );
  const listener = internalListener(name, { filter_chains: [{ name: 'sni-router', filters: [manager] }] });
  return { ...listener, table, routes: routeTableName(table, lane) };
}
