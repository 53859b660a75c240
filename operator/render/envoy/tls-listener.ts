// Transparent TLS: a listener per port that clients connect to as if it were the server's. The server name in the
// ClientHello becomes a CONNECT to the twin of the entrance's proxy, so that the same table decides; where the packet
// was sent to counts for nothing.
import { CLIENT_HELLO_TIMEOUT_MS } from '../../model/access-log-line.ts';
import { entranceListener } from './entrance-listener.ts';
import {
  type Entrance,
  type EntranceListener,
  extension,
  type GatewaySettings,
  type Json,
} from './envoy-config.ts';
import { twinName } from './guard-names.ts';
import { tlsPlaces } from './listener-places.ts';
import { MAX_TUNNEL_AGE_S } from './refusal.ts';
import { inspectTls } from './tls-inspection.ts';

export function tlsListeners(entrance: Entrance, settings: GatewaySettings): readonly EntranceListener[] {
  return tlsPlaces(entrance).map((place) => {
    const authority = `%REQUESTED_SERVER_NAME%:${place.serverPort}`;
    const parts = {
      ...place,
      authority,
      filter: connectToTwin(entrance, authority),
      more: {
        listener_filters: inspectTls(true),
        // Also ends connections of protocols in which the server speaks first: nobody speaks then.
        listener_filters_timeout: `${CLIENT_HELLO_TIMEOUT_MS / 1000}s`,
      },
    };
    return entranceListener(entrance, parts, settings);
  });
}

function connectToTwin({ table, lane }: Entrance, hostname: string): Json {
  return extension(
    'envoy.filters.network.tcp_proxy',
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    {
      stat_prefix: 'tls',
      cluster: twinName(table, lane),
      idle_timeout: '3600s',
      max_downstream_connection_duration: `${MAX_TUNNEL_AGE_S}s`,
      tunneling_config: { hostname },
    },
  );
}
