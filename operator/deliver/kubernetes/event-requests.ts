// The requests by which an Event of events.k8s.io/v1 comes into being and grows.
import { randomUUID } from 'node:crypto';
import { microTime, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';

export interface EventToRecord {
  /** "default" for cluster-scoped objects. */
  readonly namespace: string;
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** One constant word. */
  readonly reason: string;
  /** The action taken or needed, one constant word. */
  readonly action: string;
  /** At most 1,024 bytes. */
  readonly note: string;
}

export interface EventPlace {
  readonly namespace: string;
  readonly name: string;
}

export interface EventReporter {
  readonly api: Pick<KubernetesApi, 'request'>;
  /** Which program writes. */
  readonly controller: string;
  /** Which replica of it. */
  readonly instance: string;
}

export interface EventSeries {
  readonly count: number;
  readonly lastObservedMs: number;
}

const EVENTS: Resource = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  isNamespaced: true,
};

export async function createEvent(reporter: EventReporter, event: EventToRecord): Promise<EventPlace> {
  const { namespace, regarding } = event;
  const place = { namespace, name: eventName(regarding.name, randomUUID().slice(0, 8)) };
  await postEvent(reporter, place, event, { firstSeenMs: Date.now() });
  return place;
}

/** False where the Event is gone, as they are after an hour. */
export async function repeatEvent(
  { api }: Pick<EventReporter, 'api'>,
  { namespace, name }: EventPlace,
  series: EventSeries,
): Promise<boolean> {
  try {
    await patchEvent(api, { namespace, name }, { series: seriesOf(series) });
    return true;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return false;
    throw error;
  }
}

/** As an answer has it. */
export interface StoredEvent {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly series?: { readonly count?: number };
}

export async function patchEvent(
  api: EventReporter['api'],
  place: EventPlace,
  body: object,
  signal?: AbortSignal,
): Promise<StoredEvent> {
  return (await api.request({
    ...{ method: 'PATCH', path: pathOf(EVENTS, place), body },
    contentType: 'application/merge-patch+json',
    ...(signal && { signal }),
  })) as StoredEvent;
}

export async function postEvent(
  { api, controller, instance }: EventReporter,
  { namespace, name }: EventPlace,
  { regarding, type, reason, action, note }: EventToRecord,
  {
    series,
    firstSeenMs,
    signal,
  }: {
    readonly series?: EventSeries | undefined;
    readonly firstSeenMs: number;
    readonly signal?: AbortSignal;
  },
): Promise<StoredEvent> {
  return (await api.request({
    ...{ method: 'POST', path: pathOf(EVENTS, { namespace }), ...(signal && { signal }) },
    body: {
      ...{ apiVersion: EVENTS.apiVersion, kind: EVENTS.kind, metadata: { namespace, name } },
      eventTime: microTime(new Date(firstSeenMs)),
      ...{ reportingController: controller, reportingInstance: instance },
      ...{ regarding, type, reason, action, note },
      ...(series && { series: seriesOf(series) }),
    },
  })) as StoredEvent;
}

const LONGEST_NAME = 253;

/** A name that an object may have, whatever the name of the one that the Event is about. */
export function eventName(regarding: string, id: string): string {
  const labels = regarding
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .slice(0, LONGEST_NAME - id.length - 1)
    .split('.')
    .map((label) => label.replace(/^-+|-+$/g, ''));
  return [...labels.filter((label) => label !== ''), id].join('.');
}

export function seriesOf({ count, lastObservedMs }: EventSeries): object {
  return { count, lastObservedTime: microTime(new Date(lastObservedMs)) };
}
