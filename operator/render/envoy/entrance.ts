// The listeners of one workspace and lane, or product: the proxy, which serves transparent HTTP too, and one for each TLS
// port. The listener, and nothing that a client sends, says whose request it is.
import type { LaneCaches } from './dns-cache.ts';
import type { Entrance, EntranceListener, GatewaySettings } from './envoy-config.ts';
import { proxyListener } from './proxy-listener.ts';
import { tlsListeners } from './tls-listener.ts';

interface Rendered {
  /** Envoy's name of the cache, which ends in a hash of all that it refuses. */
  readonly cache: unknown;
  readonly resources: readonly EntranceListener[];
}

const known = new WeakMap<GatewaySettings, WeakMap<Entrance, Rendered>>();

/**
 * The very same answer for the same entrance and cache: with 2,000 of them, text alone takes
 * 200 ms.
 */
export function renderEntrance(
  entrance: Entrance,
  caches: LaneCaches,
  settings: GatewaySettings,
): readonly EntranceListener[] {
  const ofGateway = known.get(settings) ?? new WeakMap<Entrance, Rendered>();
  const cache = caches.of(entrance.table, entrance.lane).config['name'];
  const before = ofGateway.get(entrance);
  if (before !== undefined && before.cache === cache) return before.resources;
  const resources = [proxyListener(entrance, caches, settings), ...tlsListeners(entrance, settings)];
  known.set(settings, ofGateway.set(entrance, { cache, resources }));
  return resources;
}
