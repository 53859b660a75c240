// An EnvoyConfig as resources for xDS, and what of it may stay in Envoy where its wanted version is rejected. Pure.
import { memoize } from '../../lib/memo.ts';
import type { ClassifiedNames } from '../../render/envoy/destination-classes.ts';
import type {
  ClientPorts,
  EnvoyConfig,
  NamedResource,
  RoutedListener,
  RouteTable,
} from '../../render/envoy/envoy-config.ts';
import { isInternalName } from '../../render/envoy/resource-names.ts';
import { revokesAccess } from '../../render/envoy/revocation.ts';
import type { Resources } from '../xds/resource-kind.ts';
import type { StayRules } from '../xds/stay-rules.ts';

/** What a resource of egress says of itself. */
export type EgressResource = NamedResource &
  Partial<Pick<RouteTable, 'lane' | 'classes'> & Pick<RoutedListener, 'routes' | 'clientPorts'>>;

export interface Place {
  readonly address: string;
  readonly port: number;
}

export function egressResources({
  clusters,
  internalListeners,
  routeTables,
  egressListeners,
}: EnvoyConfig): Resources {
  return {
    cluster: clusters,
    secret: [],
    route: routeTables,
    scope: [],
    listener: [...internalListeners, ...egressListeners],
  };
}

/**
 * A former table may not stay where it allows more than the wanted one, and a former listener not where its ports may be
 * another's by now, or where it names another table. All else allows nothing by itself.
 */
export const EGRESS_RULES: StayRules = {
  mayStay: (kind, former, wanted) => {
    if (kind === 'route') return !revokesAccess(classesOf(former), classesOf(wanted));
    return kind !== 'listener' || mayListenerStay(former, wanted);
  },
  routesOf,
  isInternalName,
};

export function placesOf(resource: NamedResource | undefined): readonly Place[] {
  const clientPorts: ClientPorts | undefined = (resource as EgressResource | undefined)?.clientPorts;
  return clientPorts?.ports.map((port) => ({ address: clientPorts.egressListener.address, port })) ?? [];
}

/** By which two places are compared; the very same answer for the same resource. */
export function placeKeys(resource: NamedResource | undefined): readonly string[] {
  return resource === undefined ? [] : keysOf(resource);
}

const keysOf = memoize((resource: NamedResource) =>
  placesOf(resource).map(({ address, port }) => `${address} ${port}`),
);

function mayListenerStay(former: NamedResource | undefined, wanted: NamedResource | undefined): boolean {
  // A tunnel check that the last process wrote is no way in.
  if (routesOf(wanted) === undefined) return true;
  const keys = (resource: NamedResource | undefined): string => placeKeys(resource).toSorted().join();
  return former !== undefined && keys(former) === keys(wanted) && routesOf(former) === routesOf(wanted);
}

function routesOf(resource: NamedResource | undefined): string | undefined {
  return (resource as EgressResource | undefined)?.routes;
}

function classesOf(resource: NamedResource | undefined): readonly ClassifiedNames[] | undefined {
  return (resource as EgressResource | undefined)?.classes;
}
