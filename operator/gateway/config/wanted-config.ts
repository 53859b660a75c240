// The parts of a configuration that may go to Envoy: all but what Envoy rejected and the tables that this machine
// cannot watch. What was rejected stays as last accepted, unless that allows more than it should: then its egress
// listeners close. Pure.
import { revokesAccess } from '../../render/envoy/revocation.ts';
import { type ConfigContents, type Content, type Contents, placeKey } from './contents.ts';
import { routeTableLimitProblem } from './inotify-limit.ts';
import type { Layer } from './rejections.ts';

export interface WantedConfig {
  readonly internalListeners: Contents;
  readonly clusters: Contents;
  readonly tables: Contents;
  readonly egressListeners: Contents;
  /** Why an egress listener is not as configured although Envoy has not rejected it, by name. */
  readonly closed: ReadonlyMap<string, string>;
  /** Why a table is not as configured although Envoy has not rejected it, by name. */
  readonly noRoom: ReadonlyMap<string, string>;
}

/** What Envoy accepted and rejected, and which files could not be written. */
export interface KnownState {
  readonly good: { readonly listeners: Contents; readonly clusters: Contents; readonly tables: Contents };
  readonly rejectionOf: (layer: Layer, name: string, content: Content) => string | undefined;
  /** By table. */
  readonly unwritten: ReadonlyMap<string, string>;
  readonly tableLimit: number;
}

export function wantedConfig(all: ConfigContents, known: KnownState): WantedConfig {
  const { good } = known;
  const noRoom = tablesWithoutRoom(all.tables, good.tables, known.tableLimit);
  const tables = lastGoodForRejected('table', without(all.tables, noRoom), good.tables, known);
  const { egressListeners, closed } = openListeners(all, tables, noRoom, known);
  return {
    internalListeners: lastGoodForRejected('listener', all.internalListeners, good.listeners, known),
    clusters: lastGoodForRejected('cluster', all.clusters, good.clusters, known),
    tables,
    egressListeners,
    closed,
    noRoom,
  };
}

/**
 * The configuration's resources that Envoy has not rejected, and in place of the others their last accepted version.
 */
export function lastGoodForRejected(
  layer: Layer,
  wanted: Contents,
  good: Contents,
  { rejectionOf }: Pick<KnownState, 'rejectionOf'>,
): Contents {
  const chosen = [...wanted].flatMap(([name, content]) => {
    const usable = [content, good.get(name)].find(
      (one) => one !== undefined && rejectionOf(layer, name, one) === undefined,
    );
    return usable === undefined ? [] : [[name, usable] as const];
  });
  return new Map(chosen);
}

function openListeners(
  all: ConfigContents,
  tables: Contents,
  noRoom: ReadonlyMap<string, string>,
  known: KnownState,
): Pick<WantedConfig, 'egressListeners' | 'closed'> {
  const egressListeners = new Map<string, Content>();
  const closed = new Map<string, string>();
  for (const [name, content] of all.egressListeners) {
    const routes = routesOf(content);
    const problem = noRoom.get(routes) ?? tableProblem(routes, all.tables, tables, known);
    const isRejected = known.rejectionOf('listener', name, content) !== undefined;
    const former = known.good.listeners.get(name);
    if (problem === undefined && !isRejected) {
      egressListeners.set(name, content);
    } else if (former !== undefined && mayStay({ name, former, wanted: content }, all.tables, known)) {
      egressListeners.set(name, former);
    }
    if (problem !== undefined) closed.set(name, problem);
  }
  return { egressListeners, closed };
}

/**
 * Why the egress listeners of a table must close: it never was in force, or the version in force allows more than it
 * should.
 */
function tableProblem(
  routes: string,
  all: Contents,
  chosen: Contents,
  { good, rejectionOf, unwritten }: KnownState,
): string | undefined {
  const wanted = all.get(routes);
  if (wanted === undefined) return undefined;
  const problem = rejectionOf('table', routes, wanted) ?? unwritten.get(routes);
  if (problem === undefined) return undefined;
  const inForce = good.tables.get(routes);
  const stays =
    chosen.has(routes) && inForce !== undefined && !revokesAccess(inForce.of?.classes, wanted.of?.classes);
  return stays ? undefined : problem;
}

/**
 * A former version may not retain a port that may be another's by now, nor a table that allows more. One with exactly
 * the wanted text is not a former version.
 */
function mayStay(
  { name, former, wanted }: { readonly name: string; readonly former: Content; readonly wanted: Content },
  tables: Contents,
  { good, rejectionOf }: KnownState,
): boolean {
  if (rejectionOf('listener', name, former) !== undefined || former.text === wanted.text) return false;
  const places = (content: Content): string => content.places.map(placeKey).toSorted().join();
  if (places(former) !== places(wanted)) return false;
  const [was, is] = [routesOf(former), routesOf(wanted)];
  if (was !== '' && was === is) return true;
  return !revokesAccess(good.tables.get(was)?.of?.classes, tables.get(is)?.of?.classes);
}

/** No table is called "". */
function routesOf({ of }: Content): string {
  return of?.routes ?? '';
}

function without(contents: Contents, names: ReadonlyMap<string, string>): Contents {
  return names.size === 0 ? contents : new Map([...contents].filter(([name]) => !names.has(name)));
}

// Existing tables stay; of the new ones the first by name get the remaining watches. Tables to be removed count until
// they are gone.
function tablesWithoutRoom(wanted: Contents, present: Contents, limit: number): ReadonlyMap<string, string> {
  const fresh = [...wanted.keys()].filter((name) => !present.has(name)).sort();
  const left = fresh.slice(Math.max(0, limit - present.size));
  return new Map(left.map((name) => [name, routeTableLimitProblem(name, limit)]));
}
