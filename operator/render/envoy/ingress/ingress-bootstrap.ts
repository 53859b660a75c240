// The bootstrap of the Envoy for ingress.
import { IDLE_CONNECTION_BYTES, PORT_SHARE } from '../../../model/limits.ts';
import { renderCommonBootstrap } from '../bootstrap-parts.ts';
import { LIMITS_LAYER, limitsLayer } from '../connection-limits.ts';
import type { GatewaySettings, Json } from '../envoy-config.ts';
import { HTTP_LISTENER, INGRESS_STATISTICS, TLS_LISTENER } from './ingress-names.ts';

export interface IngressBootstrapSettings
  extends Pick<GatewaySettings, 'directory' | 'maxConnections' | 'envoyMemoryBytes'> {
  /** Connections of each port, from accept on. */
  readonly maxConnectionsPerListener: number;
}

/** What one port may have of the gateway's. */
export function portShare({
  maxConnections,
  envoyMemoryBytes,
}: Pick<IngressBootstrapSettings, 'maxConnections' | 'envoyMemoryBytes'>): number {
  const inMemory = (envoyMemoryBytes * PORT_SHARE.memory) / IDLE_CONNECTION_BYTES;
  return Math.max(1, Math.floor(Math.min(maxConnections * PORT_SHARE.connections, inMemory)));
}

export function renderIngressBootstrap(settings: IngressBootstrapSettings): Json {
  return renderCommonBootstrap(settings, {
    name: 'sallyport-ingress',
    managers: INGRESS_STATISTICS,
    runtimeLayers: [{ name: LIMITS_LAYER, static_layer: portLimits(settings) }],
  });
}

function portLimits({ maxConnectionsPerListener }: IngressBootstrapSettings): Json {
  return limitsLayer([HTTP_LISTENER, TLS_LISTENER].map((name) => [name, maxConnectionsPerListener] as const));
}
