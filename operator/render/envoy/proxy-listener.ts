// The proxy listener of an entrance: what clients send that know of the proxy, and on a second port plain HTTP of those
// that do not. Both are the same requests to the same table.
import type { LaneCaches } from './dns-cache.ts';
import { egressManager } from './egress-manager.ts';
import { ASKED_AUTHORITY, contextOf } from './entrance-context.ts';
import { entranceListener } from './entrance-listener.ts';
import type { Entrance, EntranceListener, GatewaySettings } from './envoy-config.ts';
import { proxyPlace } from './listener-places.ts';

export function proxyListener(
  entrance: Entrance,
  caches: LaneCaches,
  settings: GatewaySettings,
): EntranceListener {
  const { table, lane } = entrance;
  const context = contextOf(entrance, ASKED_AUTHORITY);
  const filter = egressManager({ listener: 'proxy', table, lane, context }, caches, settings);
  return entranceListener(entrance, { ...proxyPlace(entrance), authority: '', filter }, settings);
}
