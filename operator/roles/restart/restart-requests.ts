// A planned restart -> its requests, and how they are sent with the rights of a person. What may not be done is a sentence.
import type { KubernetesObject, Resource } from '../../lib/kubernetes/api-object.ts';
import { pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type ApiRequest } from '../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../model/cluster-resources.ts';
import type { MergePatch } from '../../model/restart-procedure.ts';
import type { PersonApi } from '../shared/person-access.ts';
import type { RestartableWorkload } from './find-workload.ts';
import type { PlannedRestart } from './plan-restart.ts';

export interface RestartRequest {
  /** `PATCH deployments.apps/etl {"spec":…}`. */
  readonly text: string;
  readonly request: ApiRequest;
  /** For whoever may not. */
  readonly right: string;
}

const FIELD_MANAGER = 'kubectl-sallyport-restart';

export function patchRequest(
  { namespace, name, group }: RestartableWorkload,
  resource: Resource,
  body: MergePatch,
): RestartRequest {
  const plural = group === '' ? resource.plural : `${resource.plural}.${group}`;
  return {
    text: `PATCH ${plural}/${name} ${JSON.stringify(body)}`,
    right: `patch ${plural}`,
    request: {
      ...{ method: 'PATCH', path: pathOf(resource, { namespace, name }), body },
      ...{ query: { fieldManager: FIELD_MANAGER }, contentType: 'application/merge-patch+json' },
    },
  };
}

/** Of that very pod: another one of its name stays. */
export function deleteRequest({ metadata: { name, namespace, uid } }: KubernetesObject): RestartRequest {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
  return {
    text: `DELETE pods/${name}`,
    right: 'delete pods',
    request: { method: 'DELETE', path: pathOf(PODS, { namespace, name }), body },
  };
}

/** In order; between those of stopAndStart its pods have to go. */
export function requestsOf(
  planned: PlannedRestart,
  workload: RestartableWorkload,
  {
    resource,
    stale,
  }: { readonly resource: Resource | undefined; readonly stale: readonly KubernetesObject[] },
): readonly RestartRequest[] {
  if (planned.kind === 'deletePods')
    return stale.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(deleteRequest);
  if (planned.kind === 'none' || resource === undefined) return [];
  const patches = planned.kind === 'patch' ? [planned.patch] : [planned.stop, planned.start];
  return patches.map((patch) => patchRequest(workload, resource, patch));
}

/** Throws with what cannot be done, and what to do. A pod that is gone already is as good as deleted. */
export async function send(
  api: PersonApi,
  { request, right }: RestartRequest,
  isDryRun = false,
): Promise<void> {
  try {
    await api.request(isDryRun ? dryRunOf(request) : request);
  } catch (cause) {
    const { message } = cause as Error;
    const status = cause instanceof ApiFailure ? cause.status : 0;
    if (request.method === 'DELETE' && (status === 404 || status === 409)) return;
    const advice = status === 403 ? `; ask somebody who may ${right} there` : '';
    throw new Error(`${message}${advice}`, { cause });
  }
}

/** Of a DELETE with a body the server does not look at the query. */
function dryRunOf(request: ApiRequest): ApiRequest {
  if (request.method !== 'DELETE') return { ...request, query: { ...request.query, dryRun: 'All' } };
  return { ...request, body: { ...(request.body as object), dryRun: ['All'] } };
}
