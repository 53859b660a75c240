// The proxy listener of one workspace and lane, or product: absolute-form HTTP and CONNECT meet the routes of the workspace's
// table in the listener's lane. The listener, and nothing that a client sends, says whose request it is.
import { CONTEXT_PARTS, type LineContext } from '../../model/access-log-line.ts';
import { isDryRun } from '../../model/product.ts';
import { accessLog, CONTEXT_KEY, NOT_ALLOWED, OPENED_OR_FAILED } from './access-log.ts';
import { fileSource } from './bootstrap.ts';
import type { LaneCaches } from './dns-cache.ts';
import {
  type Entrance,
  extension,
  type GatewaySettings,
  type Json,
  type NamedResource,
  typed,
} from './envoy-config.ts';
import { DIALLED_HOST, shareWithNextListener, textFormat } from './filter-state.ts';
import { routeTableName } from './guard-names.ts';
import { refuseDeniedAddress } from './refusal.ts';

/** One prefix for all, so that statistics do not grow with the number of workspaces. */
export const STAT_PREFIX = 'egress';

const known = new WeakMap<GatewaySettings, WeakMap<Entrance, NamedResource>>();

/**
 * `caches` are those of the settings. The very same answer for the same entrance: with 2,000 of them, text alone takes
 * 200 ms.
 */
export function renderEntrance(
  entrance: Entrance,
  caches: LaneCaches,
  settings: GatewaySettings,
): NamedResource {
  const ofGateway = known.get(settings) ?? new WeakMap<Entrance, NamedResource>();
  const resource = ofGateway.get(entrance) ?? proxyListener(entrance, caches, settings);
  known.set(settings, ofGateway.set(entrance, resource));
  return resource;
}

function proxyListener(entrance: Entrance, caches: LaneCaches, settings: GatewaySettings): NamedResource {
  const body = typed('envoy.config.listener.v3.Listener', {
    name: entrance.name,
    address: { socket_address: socketAddress(entrance) },
    // With it another process of the same user could listen on the port too, and the kernel would share out the
    // connections between two policies without a word.
    enable_reuse_port: false,
    filter_chains: [
      {
        name: 'proxy',
        filters: [connectionLimit(entrance, settings), connectionManager(entrance, caches, settings)],
      },
    ],
  });
  return { name: entrance.name, body };
}

/** "::" takes IPv4 too, and the log then shows such a client in its usual spelling. */
function socketAddress({ address, port }: Entrance): Json {
  return { address, port_value: port, ...(address === '::' ? { ipv4_compat: true } : {}) };
}

/** Fairness: a workspace that opens too many connections stops itself and nobody else. */
function connectionLimit(entrance: Entrance, settings: GatewaySettings): Json {
  return extension(
    'envoy.filters.network.connection_limit',
    'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
    { stat_prefix: entrance.name, max_connections: settings.maxConnectionsPerEntrance },
  );
}

function connectionManager(entrance: Entrance, caches: LaneCaches, settings: GatewaySettings): Json {
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const routes = routeTableName(entrance.table, entrance.lane);
  return extension('envoy.filters.network.http_connection_manager', type, {
    stat_prefix: STAT_PREFIX,
    // HTTP/1 only closes the door to h2c and extended CONNECT; HTTP/1.0 is what Python up to 3.11 sends with CONNECT.
    codec_type: 'HTTP1',
    http_protocol_options: { accept_http_10: true },
    use_remote_address: true,
    skip_xff_append: true,
    generate_request_id: false,
    strip_trailing_host_dot: true,
    server_header_transformation: 'PASS_THROUGH',
    request_headers_timeout: '30s',
    // A tunnel that a guard has cut is felt at once; a refusal needs only a moment to reach the client.
    delayed_close_timeout: '0.2s',
    stream_idle_timeout: '3600s',
    common_http_protocol_options: { idle_timeout: '3600s' },
    upgrade_configs: [{ upgrade_type: 'CONNECT' }, { upgrade_type: 'websocket' }],
    rds: { route_config_name: routes, config_source: fileSource(`${settings.directory}/rds/${routes}.json`) },
    http_filters: httpFilters(entrance, caches),
    local_reply_config: refuseDeniedAddress(),
    access_log: accessLog(
      settings,
      'proxy',
      contextOf(entrance),
      isDryRun(entrance.lane) ? OPENED_OR_FAILED : NOT_ALLOWED,
    ),
    access_log_options: { flush_log_on_tunnel_successfully_established: isDryRun(entrance.lane) },
  });
}

function httpFilters(entrance: Entrance, caches: LaneCaches): readonly Json[] {
  const cache = isDryRun(entrance.lane) ? caches.dryRun : caches.enforced;
  return [
    shareWithNextListener([{ key: CONTEXT_KEY, format: textFormat(contextOf(entrance)) }, DIALLED_HOST]),
    extension(
      'envoy.filters.http.dynamic_forward_proxy',
      'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig',
      { dns_cache_config: cache.config, allow_dynamic_host_from_filter_state: true },
    ),
    extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {
      suppress_envoy_headers: true,
    }),
  ];
}

function contextOf(entrance: Entrance): string {
  const context: LineContext = {
    workspace: entrance.workspace,
    workspaceId: entrance.workspaceId,
    product: entrance.product ?? '',
    lane: entrance.lane,
    policy: entrance.networkPolicyId,
    table: entrance.table,
    revision: '%METADATA(ROUTE:sallyport:revision)%',
    source: '%DOWNSTREAM_REMOTE_ADDRESS%',
    authority: '%REQ(:AUTHORITY)%',
  };
  return CONTEXT_PARTS.map((part) => context[part]).join('|');
}
