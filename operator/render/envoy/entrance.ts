// The listeners of one workspace and lane, or product: the proxy, which serves transparent HTTP too, and one for each TLS
// port. The listener, and nothing that a client sends, says whose request it is.
import type { LaneCaches } from './dns-cache.ts';
import type { Entrance, EntranceListener, GatewaySettings } from './envoy-config.ts';
import { proxyListener } from './proxy-listener.ts';
import { tlsListeners } from './tls-listener.ts';

const known = new WeakMap<GatewaySettings, WeakMap<Entrance, readonly EntranceListener[]>>();

/**
 * `caches` are those of the settings. The very same answer for the same entrance: with 2,000 of them, text alone takes
 * 200 ms.
 */
export function renderEntrance(
  entrance: Entrance,
  caches: LaneCaches,
  settings: GatewaySettings,
): readonly EntranceListener[] {
  const ofGateway = known.get(settings) ?? new WeakMap<Entrance, readonly EntranceListener[]>();
  const resources = ofGateway.get(entrance) ?? [
    proxyListener(entrance, caches, settings),
    ...tlsListeners(entrance, settings),
  ];
  known.set(settings, ofGateway.set(entrance, resources));
  return resources;
}
