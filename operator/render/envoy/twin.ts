// The twin of the proxy listeners of one table and lane, behind their tls listeners. Whose connection it is comes with
// the connection, as filter state; nothing that a client sends can reach it but the server name.
import type { LaneCaches } from './dns-cache.ts';
import { egressManager } from './egress-manager.ts';
import { contextOfCaller } from './entrance-context.ts';
import { type EntranceListener, type GatewaySettings, type GuardedLane } from './envoy-config.ts';
import { routeTableName, twinName } from './guard-names.ts';
import { internalListener } from './internal-listener.ts';

export function twinListener(
  table: string,
  lane: GuardedLane,
  caches: LaneCaches,
  settings: GatewaySettings,
): EntranceListener {
  const name = twinName(table, lane);
  const manager = egressManager(
    { listener: 'twin', table, lane, context: contextOfCaller() },
    caches,
    settings,
  );
  const listener = internalListener(name, { filter_chains: [{ name: 'twin', filters: [manager] }] });
  return { ...listener, routes: routeTableName(table, lane) };
}
