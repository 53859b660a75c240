// The bootstrap of the Envoy for ingress: nothing in it changes while Envoy runs, and it shares nothing with egress.
import { PIPE_KB } from '../../../model/limits.ts';
import { renderAds } from '../ads.ts';
import { renderAdmin, renderOverload, renderStatistics } from '../bootstrap-parts.ts';
import { extension, type GatewaySettings, type Json } from '../envoy-config.ts';

export type IngressBootstrapSettings = Pick<
  GatewaySettings,
  'directory' | 'maxConnections' | 'envoyMemoryBytes'
>;

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

/** Where Envoy finds the gateway. */
export function xdsSocketPath({ directory }: Pick<IngressBootstrapSettings, 'directory'>): string {
  return `${directory}/xds.sock`;
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
    stats_config: renderStatistics(STATISTIC_PREFIXES),
    overload_manager: renderOverload(settings),
    ...renderAds(xdsSocketPath(settings)),
  };
}
