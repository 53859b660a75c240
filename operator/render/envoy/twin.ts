// The twin of the proxy listeners of one table and lane, behind their tls listeners. Whose connection it is comes with
// the connection, as filter state; nothing that a client sends can reach it but the server name.
import type { LaneCaches } from './dns-cache.ts';
import { egressManager } from './egress-manager.ts';
import { contextOfCaller } from './entrance-context.ts';
import { type GatewaySettings, type GuardedLane, type NamedResource } from './envoy-config.ts';
import { twinName } from './guard-names.ts';
import { internalListener } from './internal-listener.ts';

export function twinListener(
  table: string,
  lane: GuardedLane,
  caches: LaneCaches,
  settings: GatewaySettings,
): NamedResource {
  const name = twinName(table, lane);
  const manager = egressManager(
    { listener: 'twin', table, lane, context: contextOfCaller() },
    caches,
    settings,
  );
  return internalListener(name, { filter_chains: [{ name: 'twin', filters: [manager] }] });
}
