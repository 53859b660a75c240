// The bootstrap of the Envoy for egress.
import { renderCommonBootstrap } from './bootstrap-parts.ts';
import { LIMITS_LAYER, limitsPath } from './connection-limits.ts';
import type { GatewaySettings, Json } from './envoy-config.ts';
import { EGRESS_STATISTICS } from './resource-names.ts';

/**
 * How long connections continue whose filter chain or listener has changed or gone, tunnels to be closed among them.
 */
export const DRAIN_TIME_S = 5;
const MAX_REGEX_SIZE = 1000;

export function renderBootstrap(settings: GatewaySettings): Json {
  const limits = { path_config_source: { path: limitsPath(settings) } };
  return renderCommonBootstrap(settings, {
    name: 'sallyport',
    managers: EGRESS_STATISTICS,
    runtimeLayers: [
      // A host pattern of ours compiles to some 100 RE2 instructions, which is Envoy's default limit.
      { name: 'static', static_layer: { 're2.max_program_size.error_level': MAX_REGEX_SIZE } },
      { name: LIMITS_LAYER, rtds_layer: { name: LIMITS_LAYER, rtds_config: limits } },
    ],
  });
}
