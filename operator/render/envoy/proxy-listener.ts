// The proxy listener of an egress listener: for clients that use the proxy, and on a second port for plain HTTP of
// clients that do not. Both are the same requests to the same table.

import { ASKED_AUTHORITY, contextOf } from './caller-context.ts';
import { clientListener } from './client-listener.ts';
import type { LaneCaches } from './dns-cache.ts';
import { egressManager } from './egress-manager.ts';
import type { EgressListener, GatewaySettings, RoutedListener } from './envoy-config.ts';
import { proxyPlace } from './listener-places.ts';

export function proxyListener(
  egressListener: EgressListener,
  caches: LaneCaches,
  settings: GatewaySettings,
): RoutedListener {
  const { table, lane } = egressListener;
  const context = contextOf(egressListener, ASKED_AUTHORITY);
  const filter = egressManager({ listener: 'proxy', table, lane, context }, caches, settings);
  return clientListener(egressListener, { ...proxyPlace(egressListener), authority: '', filter }, settings);
}
