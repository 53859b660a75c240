// Plain HTTP to the names of a private endpoint. The proxy listener resolves in its own cache, whose address guard
// denies private addresses; so these requests pass an internal listener with a cache of its own.
import { ALLOW_DECISION } from '../../model/access-log-line.ts';
import { accessLog, CONTEXT_KEY, NOT_ALLOWED_OR_CLOSED } from './access-log.ts';
import { denyBehindRoutes, forward } from './deny-routes.ts';
import type { DnsCache } from './dns-cache.ts';
import { extension, type GatewaySettings, type NamedResource } from './envoy-config.ts';
import { stateText } from './filter-state.ts';
import { internalListener } from './internal-listener.ts';

export function privateHttpCheck(name: string, cache: DnsCache, settings: GatewaySettings): NamedResource {
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const manager = extension('envoy.filters.network.http_connection_manager', type, {
    stat_prefix: name,
    codec_type: 'HTTP1',
    generate_request_id: false,
    server_header_transformation: 'PASS_THROUGH',
    stream_idle_timeout: '3600s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    route_config: {
      name,
      // Tunnel checks go before the clusters that they lead to, on a running Envoy too.
      validate_clusters: false,
      request_headers_to_remove: ['x-forwarded-proto'],
      virtual_hosts: [
        { name: 'any', domains: ['*'], routes: [forward(ALLOW_DECISION, { via: 'HTTP' }, cache.cluster)] },
      ],
    },
    http_filters: [
      extension(
        'envoy.filters.http.dynamic_forward_proxy',
        'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig',
        { dns_cache_config: cache.config },
      ),
      extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {
        suppress_envoy_headers: true,
      }),
    ],
    local_reply_config: denyBehindRoutes(),
    access_log: accessLog(settings, 'private-http', stateText(CONTEXT_KEY), NOT_ALLOWED_OR_CLOSED),
  });
  return internalListener(name, { filter_chains: [{ name: 'private-http', filters: [manager] }] });
}
