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
  /** Prefix of the statistics of its connection managers. */
  readonly managers: string;
  readonly runtimeLayers: readonly Json[];
}

export function renderCommonBootstrap(
  settings: CommonSettings,
  { name, managers, runtimeLayers }: OwnParts,
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
    stats_config: renderStatistics(managers),
    memory_allocator_manager: RELEASED_MEMORY,
    overload_manager: renderOverload(settings),
    ...renderAds(settings),
  };
}

function renderAdmin({ directory }: CommonSettings): Json {
  return { address: { pipe: { path: `${directory}/admin.sock`, mode: ADMIN_SOCKET_MODE } } };
}

/**
 * Every statistic costs time on each connection, so those that nobody reads are left out. By the start of their names:
 * of everything else that it leaves out Envoy remembers the name, again for each listener, cluster and manager.
 */
const UNREAD_PREFIXES = [
  'address.',
  'cluster.',
  'connection_limit.',
  'filesystem.f',
  'filesystem.r',
  'filesystem.write_c',
  'filesystem.write_t',
  'http.a',
  'http_inspector.',
  'tcp.',
  'tls_inspector.',
];
/** Of what managers count all that is left is how many requests are in progress, tunnels among them. */
const UNREAD_OF_REQUESTS = ['1', '2', '3', '4', '5', 'c', 'f', 'h', 'i', 'm', 'n', 'o', 'r', 't', 'w'];
const UNREAD_OF_MANAGER = [
  ...['downstream_c', 'downstream_f', 'n', 'p', 'r', 't', 'u'],
  ...UNREAD_OF_REQUESTS.map((start) => `downstream_rq_${start}`),
];

/** Last parts of the names of a listener's; what is read of one are its connections, open and over the limit. */
const UNREAD_OF_LISTENER = [
  'connections_accepted_per_socket_event',
  'downstream_cx_(destroy|length_ms|total|transport_socket_connect_timeout)',
  'downstream_listener_filter_[^.]*',
  'downstream_pre_cx_timeout',
  'downstream_rq_[^.]*',
  '(network_)?extension_config_missing',
  'no_filter_chain_match',
];

function renderStatistics(managers: string): Json {
  const patterns = [
    ...UNREAD_PREFIXES.map((prefix) => ({ prefix })),
    ...UNREAD_OF_MANAGER.map((prefix) => ({ prefix: `http.${managers}.${prefix}` })),
    { safe_regex: { regex: `listener\\..*\\.(${UNREAD_OF_LISTENER.join('|')})` } },
  ];
  return { stats_matcher: { exclusion_list: { patterns } } };
}

/** What Envoy no longer needs goes back to the machine, on a thread of its own; otherwise it is retained. */
const RELEASED_MEMORY = { bytes_to_release: 8 * 1024 * 1024, memory_release_interval: '1s' };

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
