// The listeners of one workspace and lane, or product: the proxy, which serves transparent HTTP too, and one for each
// TLS port. The listener, and nothing that a client sends, says whose request it is.
import { memoize } from '../../lib/memo.ts';
import type { LaneCaches } from './dns-cache.ts';
import type { EgressListener, GatewaySettings, RoutedListener } from './envoy-config.ts';
import { proxyListener } from './proxy-listener.ts';
import { tlsListeners } from './tls-listener.ts';

/**
 * The very same answer for the same egress listener and cache: with 2,000 of them, text alone takes 200 ms. Envoy's name
 * of the cache ends in a hash of all that it refuses.
 */
export const renderEgressListener = memoize(
  (
    egressListener: EgressListener,
    caches: LaneCaches,
    settings: GatewaySettings,
  ): readonly RoutedListener[] => [
    proxyListener(egressListener, caches, settings),
    ...tlsListeners(egressListener, settings),
  ],
  ({ table, lane }, caches, settings) => [caches.of(table, lane).config['name'], settings],
);
