// The listeners of one workspace and lane, or product: the proxy, which serves transparent HTTP too, and one for each
// TLS port. The listener, and nothing that a client sends, says whose request it is.
import type { LaneCaches } from './dns-cache.ts';
import type { EgressListener, GatewaySettings, RoutedListener } from './envoy-config.ts';
import { proxyListener } from './proxy-listener.ts';
import { tlsListeners } from './tls-listener.ts';

interface Rendered {
  /** Envoy's name of the cache, which ends in a hash of all that it refuses. */
  readonly cache: unknown;
  readonly resources: readonly RoutedListener[];
}

const known = new WeakMap<GatewaySettings, WeakMap<EgressListener, Rendered>>();

/**
 * The very same answer for the same egress listener and cache: with 2,000 of them, text alone takes
 * 200 ms.
 */
export function renderEgressListener(
  egressListener: EgressListener,
  caches: LaneCaches,
  settings: GatewaySettings,
): readonly RoutedListener[] {
  const ofGateway = known.get(settings) ?? new WeakMap<EgressListener, Rendered>();
  const cache = caches.of(egressListener.table, egressListener.lane).config['name'];
  const before = ofGateway.get(egressListener);
  if (before !== undefined && before.cache === cache) return before.resources;
  const resources = [
    proxyListener(egressListener, caches, settings),
    ...tlsListeners(egressListener, settings),
  ];
  known.set(settings, ofGateway.set(egressListener, { cache, resources }));
  return resources;
}
