// How many connections each entrance may have from the moment at which they are accepted, before a byte of them is read.
// Envoy takes such limits from its runtime only, by the listener's name; so they are a file of their own, which changes
// with the entrances and, unlike a listener, ends nobody's connection.
import { MOST_OF_PORT } from '../../model/limits.ts';
import { type Entrance, type GatewaySettings, type Json, typed } from './envoy-config.ts';
import { listenerPlaces } from './listener-places.ts';

/** Name of the layer of Envoy's runtime, and of the resource in its file. */
export const LIMITS_LAYER = 'limits';

/** Connections that have said nothing yet are beside those that the listener's own filter counts, which leave rows each. */
const SILENT_SHARE = 1 / 16;

export function limitsPath({ directory }: Pick<GatewaySettings, 'directory'>): string {
  return `${directory}/rtds/${LIMITS_LAYER}.json`;
}

/** A port leaves half of the gateway to others, however few descriptors it has. */
export function acceptLimit({ maxConnections, maxConnectionsPerEntrance }: GatewaySettings): number {
  const wanted = Math.ceil(maxConnectionsPerEntrance * (1 + SILENT_SHARE));
  return Math.max(1, Math.min(wanted, Math.floor(maxConnections * MOST_OF_PORT)));
}

/** Content of the file. */
export function renderConnectionLimits(entrances: readonly Entrance[], settings: GatewaySettings): Json {
  const limit = acceptLimit(settings);
  const names = entrances.flatMap((entrance) => listenerPlaces(entrance).map(({ name }) => name));
  const layer = Object.fromEntries(
    names.map((name) => [`envoy.resource_limits.listener.${name}.connection_limit`, limit]),
  );
  return { resources: [typed('envoy.service.runtime.v3.Runtime', { name: LIMITS_LAYER, layer })] };
}
