// Pods that run already when their Namespace becomes a workspace: they get lane `full`, so that isolation leaves them
// alone until they restart (R39). No pod can start there meanwhile: admission refuses it until the workspace is ready.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { LANE_LABEL, PRODUCT_LABEL } from '../../model/stamp.ts';
import { inParallel } from './in-parallel.ts';
import { sendAsLeader } from './object-writer.ts';

const ADOPTED = { [LANE_LABEL]: 'full', [PRODUCT_LABEL]: 'GENERAL' };

/** How many pods were adopted. Throws where one could not be, so that nothing isolates it by mistake. */
export async function adoptPods(
  namespace: string,
  { api, mayWrite }: { readonly api: KubernetesApi; readonly mayWrite: () => boolean },
): Promise<number> {
  const path = pathOf(PODS, { namespace });
  const query = { labelSelector: `!${LANE_LABEL}` };
  const { items } = (await api.request({ method: 'GET', path, query })) as {
    readonly items: readonly KubernetesObject[];
  };
  // The items of a list come without their kind.
  const pods = items.map(({ metadata }) => ({ kind: PODS.kind, metadata }));
  const adopt = (pod: (typeof pods)[number]): Promise<void> =>
    sendAsLeader(mayWrite, () => adoptPod(api, pod));
  const [failure] = (await inParallel(pods, adopt)).values();
  if (failure !== undefined) throw failure;
  return pods.length;
}

async function adoptPod(
  api: KubernetesApi,
  { metadata: { namespace, name, uid } }: Pick<KubernetesObject, 'metadata'>,
): Promise<void> {
  try {
    await api.request({
      method: 'PATCH',
      path: pathOf(PODS, { namespace, name }),
      // With its uid: a pod of the same name that started later has a stamp, which this would open.
      body: { metadata: { uid, labels: ADOPTED } },
      contentType: 'application/merge-patch+json',
    });
  } catch (error) {
    const isGone = error instanceof ApiFailure && error.status === 404;
    if (!isGone) throw error;
  }
}
