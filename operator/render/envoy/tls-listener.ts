// Transparent TLS: a listener per port that clients connect to as if it were the server's. The server name in the
// ClientHello becomes a CONNECT to the SNI router of the egress listener's proxy, so that the same table decides; the
// packet's destination address has no effect.
import { CLIENT_HELLO_TIMEOUT_MS } from '../../model/access-log-line.ts';
import { clientListener } from './client-listener.ts';
import { MAX_TUNNEL_AGE_S } from './deny-routes.ts';
import {
  type EgressListener,
  extension,
  type GatewaySettings,
  type Json,
  type RoutedListener,
} from './envoy-config.ts';
import { tlsPlaces } from './listener-places.ts';
import { sniRouterName } from './resource-names.ts';
import { inspectTls } from './tls-inspection.ts';

export function tlsListeners(
  egressListener: EgressListener,
  settings: GatewaySettings,
): readonly RoutedListener[] {
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
