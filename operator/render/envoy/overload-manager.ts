// Envoy's overload manager: connections of all listeners, and memory. New work is denied before it can end the process.
import { OVERLOAD_ACTIONS } from '../../model/overload.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

/** Memory grows by megabytes in a second where thousands connect at once. */
const REFRESH_INTERVAL = '0.1s';
const HEAP = 'envoy.resource_monitors.fixed_heap';

export function overloadManager({ maxConnections, envoyMemoryBytes }: GatewaySettings): Json {
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
