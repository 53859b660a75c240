// The SNI router of the proxy listeners of one table and lane, behind their tls listeners. The caller comes with the
// connection, as filter state; of what a client sends only the server name gets here.

import { contextOfCaller } from './caller-context.ts';
import type { LaneCaches } from './dns-cache.ts';
import { egressManager } from './egress-manager.ts';
import { type GatewayLane, type GatewaySettings, type RoutedListener } from './envoy-config.ts';
import { internalListener } from './internal-listener.ts';
import { routeTableName, sniRouterName } from './resource-names.ts';

export function sniRouter(
  table: string,
  lane: GatewayLane,
  caches: LaneCaches,
  settings: GatewaySettings,
): RoutedListener {
  const name = sniRouterName(table, lane);
  const manager = egressManager(
    { listener: 'sni-router', table, lane, context: contextOfCaller() },
    caches,
    settings,
  );
  const listener = internalListener(name, { filter_chains: [{ name: 'sni-router', filters: [manager] }] });
  return { ...listener, routes: routeTableName(table, lane) };
}
