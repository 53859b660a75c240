// Envoy's bootstrap: the paths of its files, and nothing that changes while it runs.
import { PIPE_KB } from '../../model/limits.ts';
import { OVERLOAD_ACTIONS } from '../../model/overload.ts';
import { LIMITS_LAYER, limitsPath } from './connection-limits.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

const STATISTIC_PREFIXES = [
  'listener_manager.',
  'cluster_manager.',
  'http.egress.rds.',
  'http.egress.downstream_cx_',
  'http.egress.downstream_rq_',
  'connection_limit.',
  'dns_cache.',
  'filesystem.',
  'overload.',
  'server.',
];
/**
 * Connections of tunnel checks, since those without any need not be closed; and connections of listeners, open and over
 * the limit.
 */
const STATISTIC_PATTERNS = [
  'listener\\..*\\.downstream_(pre_)?cx_active',
  'listener\\..*\\.downstream_(global_cx_overflow|cx_overflow|cx_overload_reject)',
];
/**
 * How long connections continue whose filter chain or listener has changed or gone, tunnels to be closed among them.
 */
export const DRAIN_TIME_S = 5;
const MAX_REGEX_SIZE = 1000;
const ADMIN_SOCKET_MODE = 0o600;

export function renderBootstrap(settings: GatewaySettings): Json {
  return {
    node: { id: 'sallyport', cluster: 'sallyport' },
    admin: { address: { pipe: { path: adminSocketPath(settings), mode: ADMIN_SOCKET_MODE } } },
    bootstrap_extensions: [
      extension(
        'envoy.bootstrap.internal_listener',
        'envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
        { buffer_size_kb: PIPE_KB },
      ),
    ],
    // A host pattern of ours compiles to some 100 RE2 instructions, which is Envoy's default limit.
    layered_runtime: {
      layers: [
        { name: 'static', static_layer: { 're2.max_program_size.error_level': MAX_REGEX_SIZE } },
        {
          name: LIMITS_LAYER,
          rtds_layer: { name: LIMITS_LAYER, rtds_config: fileSource(limitsPath(settings)) },
        },
      ],
    },
    // Every statistic costs time on each connection, so only those that are read.
    stats_config: {
      stats_matcher: {
        inclusion_list: {
          patterns: [
            ...STATISTIC_PREFIXES.map((prefix) => ({ prefix })),
            ...STATISTIC_PATTERNS.map((regex) => ({ safe_regex: { regex } })),
          ],
        },
      },
    },
    overload_manager: overloadManager(settings),
    dynamic_resources: {
      lds_config: fileSource(`${settings.directory}/lds/listeners.json`),
      cds_config: fileSource(`${settings.directory}/cds/clusters.json`),
    },
  };
}

function adminSocketPath(settings: GatewaySettings): string {
  return `${settings.directory}/admin.sock`;
}

/**
 * A file that Envoy reads again when it is renamed in. Without `watched_directory`: with it, one rename makes Envoy
 * read every file of the directory, which took 216 ms for 60 tables of 2,500 names, against 37 ms.
 */
export function fileSource(path: string): Json {
  return { path_config_source: { path } };
}

/** Memory grows by megabytes in a second where thousands connect at once. */
const REFRESH_INTERVAL = '0.1s';
const HEAP = 'envoy.resource_monitors.fixed_heap';

/** Connections of all listeners, and memory: new work is denied before it can end the process. */
function overloadManager({ maxConnections, envoyMemoryBytes }: GatewaySettings): Json {
  return {
    refresh_interval: REFRESH_INTERVAL,
    resource_monitors: [
      extension(
        'envoy.resource_monitors.global_downstream_max_connections',
        'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
        { max_active_downstream_connections: maxConnections },
      ),
      extension(HEAP, 'envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', {
        max_heap_size_bytes: envoyMemoryBytes,
      }),
    ],
    actions: OVERLOAD_ACTIONS.map(({ name, percent }) => ({
      name: `envoy.overload_actions.${name}`,
      triggers: [{ name: HEAP, threshold: { value: percent / 100 } }],
    })),
  };
}
