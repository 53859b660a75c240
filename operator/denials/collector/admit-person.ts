// A person who calls -> what they may read, and a place among those who ask; before anything of a body is read. Whoever may
// read nothing is refused at once, and so is whoever asks for too much at once, so that nobody fills the memory, nor keeps
// others from their answers: a caller without a request under way always finds a place.
import { LRUCache } from 'lru-cache';
import { BoundedPlaces } from '../../lib/bounded-places.ts';
import { sharedRun } from '../../lib/shared-run.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { DENIALS_RESOURCE } from '../../model/system-names.ts';
import type { QueriedLog } from '../store/queried-log.ts';
import { callerKey, type PersonCaller } from './caller.ts';
import { BusyError, CollectorError } from './collector-error.ts';
import type { ReadableWorkspaces } from './readable-workspaces.ts';

/** Somebody who may ask. */
export interface Asker {
  readonly workspaces: 'all' | readonly string[];
  /** Turns are between these. */
  readonly key: string;
  /** For whoever has waited. Throws a CollectorError where the credentials, or the rights, are not what they were. */
  readonly workspacesNow: () => Promise<Asker['workspaces']>;
  /** Aborted when nobody waits for the answer any more, also because it is sent. */
  readonly signal: AbortSignal;
}

/** Throws a CollectorError. The place is held until the signal is aborted; `again` says who the same caller is then. */
export type AdmitPerson = (
  person: PersonCaller,
  signal: AbortSignal,
  again: () => Promise<PersonCaller>,
) => Promise<Asker>;

export interface AdmissionOptions {
  /** Undefined where rows are only sent on. */
  readonly log: Pick<QueriedLog, 'workspaces'> | undefined;
  readonly readable: ReadableWorkspaces;
  /** Workspaces may have no rows yet. */
  readonly podNamespaces: () => ReadonlySet<string>;
}

/** Each with a body of at most MOST_QUERY_BYTES. */
const PLACES = { mostOfKey: 8, mostFurther: 64 };
/** Whoever may read nothing and goes on asking costs a look in so long. */
const NOTHING_MS = 2000;
const MOST_REMEMBERED = 10_000;
/** Of whoever has hardly waited nothing is asked twice. */
const FRESH_MS = 1000;

export function admitPersons({ log, readable, podNamespaces }: AdmissionOptions): AdmitPerson {
  // Requests of teams, of which anybody with many Namespaces makes many, take none of those who look after the cluster.
  const places = { some: new BoundedPlaces(PLACES), all: new BoundedPlaces(PLACES) };
  // It reads all rows.
  const workspacesOf = sharedRun(async () => (await log?.workspaces()) ?? []);
  const rightsOf = sharedRights(async (person) => {
    const found = await readable(person, workspacesOf);
    return isNothing(found) ? await readable(person, async () => [...podNamespaces()]) : found;
  });
  const mustRead = async (person: PersonCaller): Promise<Asker['workspaces']> => {
    const workspaces = await rightsOf(person).catch((cause: unknown) => {
      throw new CollectorError(
        503,
        'Cannot find out what you may read: the API server does not answer',
        cause,
      );
    });
    if (!isNothing(workspaces)) return workspaces;
    throw new CollectorError(
      403,
      `Cannot answer: you may not get ${DENIALS_RESOURCE}.${GROUP} in the whole cluster, nor in any Namespace that has denials or pods; ask an administrator to bind ClusterRole "sallyport-denials-viewer" in yours`,
    );
  };
  return async (person, signal, again) => {
    if (log === undefined)
      throw new CollectorError(
        404,
        'Cannot answer: this collector stores no rows, it sends them on as OTLP logs (--store otlp); ask there',
      );
    const workspaces = await mustRead(person);
    const staleMs = performance.now() + FRESH_MS;
    // Only now, so that whoever may read nothing takes none.
    const key = callerKey(person);
    const place = places[workspaces === 'all' ? 'all' : 'some'].take(key);
    if (typeof place === 'string') throw tooMany(place, key);
    signal.addEventListener('abort', place);
    if (signal.aborted) place();
    const workspacesNow = async (): Promise<Asker['workspaces']> =>
      performance.now() < staleMs ? workspaces : await mustRead(await again());
    return { workspaces, workspacesNow, key, signal };
  };
}

type Look = (person: PersonCaller) => Promise<Asker['workspaces']>;

/** Those who ask at the same time share a look, and one that found nothing counts for a while. */
function sharedRights(look: Look): Look {
  const known = new LRUCache<string, ReturnType<Look>>({ max: MOST_REMEMBERED, ttl: NOTHING_MS });
  return (person) => {
    const key = JSON.stringify(person);
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const looking = look(person);
    known.set(key, looking);
    const forget = (): void => void (known.peek(key) === looking && known.delete(key));
    looking.then((found) => (isNothing(found) ? undefined : forget()), forget);
    return looking;
  };
}

function isNothing(workspaces: Asker['workspaces']): boolean {
  return workspaces !== 'all' && workspaces.length === 0;
}

function tooMany(what: 'of key' | 'further', key: string): CollectorError {
  return what === 'of key'
    ? new BusyError(
        429,
        `Cannot take more requests of ${key} at once: ${PLACES.mostOfKey} are not answered yet; ask again after one is`,
      )
    : new BusyError(
        503,
        `Cannot take more than one request of ${key} at once now: ${PLACES.mostFurther} further ones of all callers are not answered yet; ask again after your own is`,
      );
}
