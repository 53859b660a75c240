// The bootstrap of the Envoy for ingress: nothing in it changes while Envoy runs, and it shares nothing with egress.
import { IDLE_CONNECTION_BYTES, PIPE_KB, PORT_SHARE } from '../../../model/limits.ts';
import { renderAds } from '../ads.ts';
import { renderAdmin, renderOverload, renderStatistics } from '../bootstrap-parts.ts';
import { LIMITS_LAYER, limitsLayer } from '../connection-limits.ts';
import { extension, type GatewaySettings, type Json } from '../envoy-config.ts';
import { HTTP_LISTENER, TLS_LISTENER } from './ingress-names.ts';

export interface IngressBootstrapSettings
  extends Pick<GatewaySettings, 'directory' | 'maxConnections' | 'envoyMemoryBytes'> {
  /** Connections of each port, from accept on. */
  readonly maxConnectionsPerListener: number;
}

const STATISTIC_PREFIXES = [
  'listener_manager.',
  'cluster_manager.',
  'control_plane.',
  'http.ingress.downstream_cx_',
  'http.ingress.downstream_rq_',
  'filesystem.',
  'overload.',
  'server.',
];

/** What one port may have of the gateway's. */
export function portShare({
  maxConnections,
  envoyMemoryBytes,
}: Pick<IngressBootstrapSettings, 'maxConnections' | 'envoyMemoryBytes'>): number {
  const inMemory = (envoyMemoryBytes * PORT_SHARE.memory) / IDLE_CONNECTION_BYTES;
  return Math.max(1, Math.floor(Math.min(maxConnections * PORT_SHARE.connections, inMemory)));
}

export function renderIngressBootstrap(settings: IngressBootstrapSettings): Json {
  return {
    node: { id: 'sallyport-ingress', cluster: 'sallyport-ingress' },
    admin: renderAdmin(settings),
    bootstrap_extensions: [
      extension(
        'envoy.bootstrap.internal_listener',
        'envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
        { buffer_size_kb: PIPE_KB },
      ),
    ],
    layered_runtime: { layers: [{ name: LIMITS_LAYER, static_layer: portLimits(settings) }] },
    stats_config: renderStatistics(STATISTIC_PREFIXES),
    overload_manager: renderOverload(settings),
    ...renderAds(settings),
  };
}

function portLimits({ maxConnectionsPerListener }: IngressBootstrapSettings): Json {
  return limitsLayer([HTTP_LISTENER, TLS_LISTENER].map((name) => [name, maxConnectionsPerListener] as const));
}
