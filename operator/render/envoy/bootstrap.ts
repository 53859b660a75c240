// The bootstrap of the Envoy for egress: nothing in it changes while Envoy runs.
import { PIPE_KB } from '../../model/limits.ts';
import { renderAds } from './ads.ts';
import { renderAdmin, renderOverload, renderStatistics } from './bootstrap-parts.ts';
import { LIMITS_LAYER, limitsPath } from './connection-limits.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

const STATISTIC_PREFIXES = [
  'listener_manager.',
  'cluster_manager.',
  'control_plane.',
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
 * How long connections continue whose filter chain or listener has changed or gone, tunnels to be closed among them.
 */
export const DRAIN_TIME_S = 5;
const MAX_REGEX_SIZE = 1000;

export function renderBootstrap(settings: GatewaySettings): Json {
  return {
    node: { id: 'sallyport', cluster: 'sallyport' },
    admin: renderAdmin(settings),
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
          rtds_layer: {
            name: LIMITS_LAYER,
            rtds_config: { path_config_source: { path: limitsPath(settings) } },
          },
        },
      ],
    },
    stats_config: renderStatistics(STATISTIC_PREFIXES),
    overload_manager: renderOverload(settings),
    ...renderAds(settings),
  };
}
