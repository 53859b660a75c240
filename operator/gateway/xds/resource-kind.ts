// The kinds of resources that Envoy is given over xDS, and the order in which they come into force.
import type { NamedResource } from '../../render/envoy/envoy-config.ts';

/** In the order of additions and changes: each kind names those before it. Removals go in reverse. */
export const RESOURCE_KINDS = ['cluster', 'secret', 'route', 'scope', 'listener'] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];
/** Kind and name. */
export type ResourceRef = readonly [ResourceKind, string];

/** Everything that one Envoy should have. */
export type Resources = Readonly<Record<ResourceKind, readonly NamedResource[]>>;

export const TYPE_URLS: Readonly<Record<ResourceKind, string>> = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  scope: 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
};

export function kindOf(typeUrl: string): ResourceKind | undefined {
  return RESOURCE_KINDS.find((kind) => TYPE_URLS[kind] === typeUrl);
}

/** Envoy asks for all of these at once, and for the others by name. */
export function isWildcardKind(kind: ResourceKind): boolean {
  return kind === 'cluster' || kind === 'scope' || kind === 'listener';
}

/** A record with a value for each kind. */
export function forEachKind<Value>(
  make: (kind: ResourceKind) => Value,
): Readonly<Record<ResourceKind, Value>> {
  const entries = RESOURCE_KINDS.map((kind) => [kind, make(kind)] as const);
  return Object.fromEntries(entries) as Record<ResourceKind, Value>;
}

/** Envoy asks for these first; scopes only when it has a listener that needs them. */
export function isFirstKind(kind: ResourceKind): boolean {
  return kind === 'cluster' || kind === 'listener';
}
