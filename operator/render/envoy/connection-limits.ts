// Limits of accepted connections per egress listener, applied before a byte is read. Envoy takes such limits from its
// runtime only, by the listener's name; so they are a file of their own, whose changes, unlike a listener's, close no
// connection.
import { MOST_CONNECTION_BYTES, WORKSPACE_SHARE } from '../../model/limits.ts';
import { type EgressListener, type GatewaySettings, type Json, typed } from './envoy-config.ts';
import { listenerPlaces } from './listener-places.ts';

/** Name of the layer of Envoy's runtime, and of the resource in its file. */
export const LIMITS_LAYER = 'limits';

/**
 * Silent connections come on top of those that the listener's own filter counts; beyond that filter's limit each one
 * leaves a row.
 */
const SILENT_SHARE = 1 / 16;

export function limitsPath({ directory }: Pick<GatewaySettings, 'directory'>): string {
  return `${directory}/rtds/${LIMITS_LAYER}.json`;
}

/** Connections of one workspace over all its ports, so that connections and memory are left for others. */
export function workspaceShare({ maxConnections, envoyMemoryBytes }: GatewaySettings): number {
  const inMemory = (envoyMemoryBytes * WORKSPACE_SHARE.memory) / MOST_CONNECTION_BYTES;
  return Math.max(1, Math.floor(Math.min(maxConnections * WORKSPACE_SHARE.connections, inMemory)));
}

/** The limit of one port, however much of its workspace's share is free. */
export function acceptLimit(settings: GatewaySettings): number {
  return Math.min(
    Math.ceil(settings.maxConnectionsPerListener * (1 + SILENT_SHARE)),
    workspaceShare(settings),
  );
}

/** Names of all listeners, by workspace. */
export function listenersOf(
  egressListeners: readonly EgressListener[],
): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(egressListeners, ({ workspace }) => workspace);
  const namesOf = (own: readonly EgressListener[]): readonly string[] =>
    own.flatMap((egressListener) => listenerPlaces(egressListener).map(({ name }) => name));
  return new Map([...groups].map(([workspace, own]) => [workspace, namesOf(own)]));
}

/** Content of the file, from limits by listener. */
export function renderConnectionLimits(limits: ReadonlyMap<string, number>): Json {
  const layer = limitsLayer(limits);
  return { resources: [typed('envoy.service.runtime.v3.Runtime', { name: LIMITS_LAYER, layer })] };
}

/** Limits at accept as values of Envoy's runtime. */
export function limitsLayer(limits: Iterable<readonly [listener: string, limit: number]>): Json {
  return Object.fromEntries(
    [...limits].map(([name, limit]) => [`envoy.resource_limits.listener.${name}.connection_limit`, limit]),
  );
}
