// A count for an Event -> the Event, made or raised. Its name follows from what it is about, so replicas, and the process
// that comes after this one, count in the same one; its resourceVersion decides between them. It needs no right to read.
import { createHash } from 'node:crypto';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import {
  type EventPlace,
  type EventReporter,
  type EventToRecord,
  eventName,
  patchEvent,
  postEvent,
  type StoredEvent,
  seriesOf,
} from './event-requests.ts';

/** As the last count left it. */
export interface CountedEvent extends EventPlace {
  readonly count: number;
  readonly resourceVersion: string;
  /** Somebody else made it, or has counted in it. */
  readonly isShared: boolean;
}

export interface EventCount {
  /** Those with the same one, about the same object, are one Event. */
  readonly key: string;
  readonly by: number;
  /** How many of them a request had that got no answer: they may be counted already. */
  readonly unanswered: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Undefined the first time. */
  readonly known: CountedEvent | undefined;
  readonly signal: AbortSignal;
}

const MOST_CONFLICTS = 4;
/** The field has 32 bits. */
const MOST_COUNTED = 2 ** 31 - 1;
const NOT_FOUND = 404;
const CONFLICT = 409;

export async function countEvent(
  reporter: EventReporter,
  event: EventToRecord,
  counted: EventCount,
): Promise<CountedEvent> {
  const { namespace, regarding } = event;
  const id = createHash('sha256').update(`${regarding.uid} ${counted.key}`).digest('hex').slice(0, 16);
  const place = { namespace, name: eventName(regarding.name, id) };
  let { known, by } = counted;
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      const how = { ...counted, by };
      return await (known === undefined ? make(reporter, place, event, how) : raise(reporter, known, how));
    } catch (error) {
      const isTaken = hasStatus(error, CONFLICT);
      const isGone = hasStatus(error, NOT_FOUND) && known !== undefined;
      if (isTaken === isGone || conflicts === MOST_CONFLICTS) throw error;
      // Events are gone after an hour.
      known = isTaken ? await find(reporter, place, counted.signal) : undefined;
      by = counted.by - answered(known, counted);
      if (known !== undefined && by === 0) return known;
    }
  }
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ApiFailure && error.status === status;
}

/** How many of the request without an answer are in what was found. */
function answered(found: CountedEvent | undefined, { known, unanswered }: EventCount): number {
  return found?.count === (known?.count ?? 0) + unanswered ? unanswered : 0;
}

async function make(
  reporter: EventReporter,
  place: EventPlace,
  event: EventToRecord,
  { by, known, firstSeenMs, lastSeenMs, signal }: EventCount,
): Promise<CountedEvent> {
  const count = Math.min((known?.count ?? 0) + by, MOST_COUNTED);
  const series = count > 1 ? { count, lastObservedMs: lastSeenMs } : undefined;
  const stored = await postEvent(reporter, place, event, { series, firstSeenMs, signal });
  return { ...place, count, resourceVersion: versionOf(stored), isShared: false };
}

async function raise(
  { api }: EventReporter,
  { namespace, name, resourceVersion, count: before, isShared }: CountedEvent,
  { by, lastSeenMs, signal }: EventCount,
): Promise<CountedEvent> {
  const place = { namespace, name };
  const count = Math.min(before + by, MOST_COUNTED);
  const series = seriesOf({ count, lastObservedMs: lastSeenMs });
  const stored = await patchEvent(api, place, { metadata: { resourceVersion }, series }, signal);
  return { ...place, count, resourceVersion: versionOf(stored), isShared };
}

/** By a change of nothing. Undefined where it is gone. */
async function find(
  { api }: EventReporter,
  place: EventPlace,
  signal: AbortSignal,
): Promise<CountedEvent | undefined> {
  try {
    const stored = await patchEvent(api, place, {}, signal);
    const count = stored.series?.count ?? 1;
    return { ...place, count, resourceVersion: versionOf(stored), isShared: true };
  } catch (error) {
    if (hasStatus(error, NOT_FOUND)) return undefined;
    throw error;
  }
}

function versionOf({ metadata }: StoredEvent): string {
  return metadata?.resourceVersion ?? '';
}
