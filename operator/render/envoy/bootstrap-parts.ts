// What the bootstraps of all our Envoys have in common: the way to the gateway, the admin socket, statistics, and limits of
// connections and memory. Nothing in a bootstrap changes while Envoy runs.
import { PIPE_KB } from '../../model/limits.ts';
import { OVERLOAD_ACTIONS } from '../../model/overload.ts';
import { renderAds } from './ads.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

/** Only its user may connect. */
const ADMIN_SOCKET_MODE = 0o600;

type CommonSettings = Pick<GatewaySettings, 'directory' | 'maxConnections' | 'envoyMemoryBytes'>;

interface OwnParts {
  readonly name: string;
  readonly runtimeLayers: readonly Json[];
  /** Statistics that are read of this Envoy only. */
  readonly statistics?: readonly string[];
}

export function renderCommonBootstrap(
  settings: CommonSettings,
  { name, runtimeLayers, statistics = [] }: OwnParts,
): Json {
  return {
    node: { id: name, cluster: name },
    admin: renderAdmin(settings),
    bootstrap_extensions: [
      extension(
        'envoy.bootstrap.internal_listener',
        'envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
        { buffer_size_kb: PIPE_KB },
      ),
    ],
    layered_runtime: { layers: runtimeLayers },
    stats_config: renderStatistics([...STATISTIC_PREFIXES, ...statistics]),
    overload_manager: renderOverload(settings),
    ...renderAds(settings),
  };
}

function renderAdmin({ directory }: CommonSettings): Json {
  return { address: { pipe: { path: `${directory}/admin.sock`, mode: ADMIN_SOCKET_MODE } } };
}

const STATISTIC_PREFIXES = ['listener_manager.', 'cluster_manager.', 'overload.', 'server.'];
/**
 * Connections of tunnel checks, since those without any need not be closed; and connections of listeners, open and over
 * the limit.
 */
const STATISTIC_PATTERNS = [
  'listener\\..*\\.downstream_(pre_)?cx_active',
  'listener\\..*\\.downstream_(global_cx_overflow|cx_overflow|cx_overload_reject)',
];

/** Every statistic costs time on each connection, so only those that are read. */
function renderStatistics(prefixes: readonly string[]): Json {
  const patterns = [
    ...prefixes.map((prefix) => ({ prefix })),
    ...STATISTIC_PATTERNS.map((regex) => ({ safe_regex: { regex } })),
  ];
  return { stats_matcher: { inclusion_list: { patterns } } };
}

/** Memory grows by megabytes in a second where thousands connect at once. */
const REFRESH_INTERVAL = '0.1s';
const HEAP = 'envoy.resource_monitors.fixed_heap';

/** Connections of all listeners, and memory: new work is denied before it can end the process. */
function renderOverload({ maxConnections, envoyMemoryBytes }: CommonSettings): Json {
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
