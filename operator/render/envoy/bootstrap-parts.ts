// Parts of the bootstrap of every Envoy: its admin socket, its statistics, and its limits of connections and memory.
import { OVERLOAD_ACTIONS } from '../../model/overload.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

const ADMIN_SOCKET_MODE = 0o600;

/** Only its user may connect. */
export function renderAdmin({ directory }: Pick<GatewaySettings, 'directory'>): Json {
  return { address: { pipe: { path: `${directory}/admin.sock`, mode: ADMIN_SOCKET_MODE } } };
}

/**
 * Connections of tunnel checks, since those without any need not be closed; and connections of listeners, open and over
 * the limit.
 */
const STATISTIC_PATTERNS = [
  'listener\\..*\\.downstream_(pre_)?cx_active',
  'listener\\..*\\.downstream_(global_cx_overflow|cx_overflow|cx_overload_reject)',
];

/** Every statistic costs time on each connection, so only those that are read. */
export function renderStatistics(prefixes: readonly string[]): Json {
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
export function renderOverload({
  maxConnections,
  envoyMemoryBytes,
}: Pick<GatewaySettings, 'maxConnections' | 'envoyMemoryBytes'>): Json {
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
