// The two requests by which an Event of events.k8s.io/v1 comes into being and grows.
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

export async function createEvent(
  { api, controller, instance }: EventReporter,
  { namespace, regarding, ...event }: EventToRecord,
  { series, firstSeenMs = Date.now() }: { readonly series?: EventSeries; readonly firstSeenMs?: number } = {},
): Promise<EventPlace> {
  const name = `${regarding.name}.${randomUUID().slice(0, 8)}`;
  await api.request({
    method: 'POST',
    path: pathOf(EVENTS, { namespace }),
    body: {
      apiVersion: EVENTS.apiVersion,
      kind: EVENTS.kind,
      metadata: { namespace, name },
      eventTime: microTime(new Date(firstSeenMs)),
      reportingController: controller,
      reportingInstance: instance,
      regarding,
      ...event,
      ...(series && { series: seriesOf(series) }),
    },
  });
  return { namespace, name };
}

/** False where the Event is gone, as they are after an hour. */
export async function repeatEvent(
  { api }: Pick<EventReporter, 'api'>,
  { namespace, name }: EventPlace,
  series: EventSeries,
): Promise<boolean> {
  try {
    await api.request({
      method: 'PATCH',
      path: pathOf(EVENTS, { namespace, name }),
      body: { series: seriesOf(series) },
      contentType: 'application/merge-patch+json',
    });
    return true;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return false;
    throw error;
  }
}

function seriesOf({ count, lastObservedMs }: EventSeries): object {
  return { count, lastObservedTime: microTime(new Date(lastObservedMs)) };
}
