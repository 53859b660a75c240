// The pod as owner of what it writes, so that it is deleted with the pod.
import { type OwnerReference, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../model/cluster-resources.ts';

const NOT_FOUND = 404;
const FORBIDDEN = 403;

export interface PodPlace {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly podName: string;
}

/** Empty where the writer is not a pod, or may not read it. */
export async function findPodOwners(
  { api, namespace, podName: name }: PodPlace,
  signal: AbortSignal,
): Promise<readonly OwnerReference[]> {
  try {
    const path = pathOf(PODS, { namespace, name });
    const pod = (await api.request({ method: 'GET', path, signal })) as {
      readonly metadata: { readonly uid: string };
    };
    return [{ apiVersion: PODS.apiVersion, kind: PODS.kind, name, uid: pod.metadata.uid }];
  } catch (error) {
    if (error instanceof ApiFailure && [NOT_FOUND, FORBIDDEN].includes(error.status)) return [];
    throw error;
  }
}
