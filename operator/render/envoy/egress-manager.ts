// The HTTP connection manager that decides: absolute-form and origin-form HTTP and CONNECT meet the routes of a table
// in a lane. The proxy listener of an egress listener has one, and so has the SNI router behind transparent TLS, which
// gets nothing but CONNECT and thus leads to tunnel checks only.
import { isDryRun } from '../../model/lane.ts';
import { accessLog, CONTEXT_KEY, DECISION_KEY, dryRunLog, NOT_ALLOWED } from './access-log.ts';
import { PATIENT_SOURCE } from './ads.ts';
import { AUTHORITY_FILTER } from './authority-rule.ts';
import { denyAroundRoutes, denyBeforeRoutes } from './deny-routes.ts';
import type { DnsCache, LaneCaches } from './dns-cache.ts';
import { extension, type GatewayLane, type GatewaySettings, type Json } from './envoy-config.ts';
import { shareWithNextListener, textFormat } from './filter-state.ts';
import { OTHER_UPGRADES } from './other-upgrades.ts';
import { EGRESS_STATISTICS, routeTableName } from './resource-names.ts';

/** The route table, and the caller. */
export interface EgressWay {
  readonly listener: 'proxy' | 'sni-router';
  readonly table: string;
  readonly lane: GatewayLane;
  /** Text of the log line's context, a format string. */
  readonly context: string;
}

/** One prefix for all, so that statistics do not grow with the number of workspaces. */

/**
 * Each connection may buffer so much before it is rejected; with Envoy's 60 it would be 240 MB for one egress listener.
 */
const MAX_REQUEST_HEADERS_KB = 32;

/** Thousands of listeners have it. */
const OF_ALL: Json = {
  stat_prefix: EGRESS_STATISTICS,
  // HTTP/1 only, which excludes h2c and extended CONNECT; HTTP/1.0 is what Python up to 3.11 sends with CONNECT.
  codec_type: 'HTTP1',
  use_remote_address: true,
  skip_xff_append: true,
  generate_request_id: false,
  strip_trailing_host_dot: true,
  server_header_transformation: 'PASS_THROUGH',
  max_request_headers_kb: MAX_REQUEST_HEADERS_KB,
  request_headers_timeout: '30s',
  // The client of a closed tunnel notices at once; a denial needs only a moment to reach the client.
  delayed_close_timeout: '0.2s',
  stream_idle_timeout: '3600s',
  common_http_protocol_options: { idle_timeout: '3600s', max_headers_count: 100 },
};
const OF_PROXIES: Json = {
  http_protocol_options: { accept_http_10: true, ignore_http_11_upgrade: OTHER_UPGRADES },
  upgrade_configs: [{ upgrade_type: 'CONNECT' }, { upgrade_type: 'websocket' }],
  local_reply_config: denyAroundRoutes(),
};
const OF_SNI_ROUTERS: Json = {
  http_protocol_options: { accept_http_10: true },
  upgrade_configs: [{ upgrade_type: 'CONNECT' }],
  local_reply_config: denyBeforeRoutes(),
};

const ROUTER = extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {
  suppress_envoy_headers: true,
});

export function egressManager(way: EgressWay, caches: LaneCaches, settings: GatewaySettings): Json {
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const routes = routeTableName(way.table, way.lane);
  return extension('envoy.filters.network.http_connection_manager', type, {
    ...OF_ALL,
    ...(way.listener === 'proxy' ? OF_PROXIES : OF_SNI_ROUTERS),
    rds: { route_config_name: routes, config_source: PATIENT_SOURCE },
    http_filters: httpFilters(way, caches),
    access_log: isDryRun(way.lane)
      ? dryRunLog(settings, way.listener, way.context)
      : accessLog(settings, way.listener, way.context, NOT_ALLOWED),
  });
}

function httpFilters({ listener, table, lane, context }: EgressWay, caches: LaneCaches): readonly Json[] {
  return [
    AUTHORITY_FILTER,
    shareWithNextListener([
      { key: CONTEXT_KEY, format: textFormat(context) },
      // The protocol of the request, and the decision: the tunnel check logs whether it passed.
      ...(isDryRun(lane) ? [{ key: DECISION_KEY, format: textFormat(`${listener} %ROUTE_NAME%`) }] : []),
    ]),
    ...(listener === 'proxy' ? [resolveHost(caches.of(table, lane))] : []),
    ROUTER,
  ];
}

/** For plain HTTP; a tunnel's host is resolved behind its tunnel check. */
function resolveHost({ config }: DnsCache): Json {
  return extension(
    'envoy.filters.http.dynamic_forward_proxy',
    'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig',
    { dns_cache_config: config, allow_dynamic_host_from_filter_state: true },
  );
}
