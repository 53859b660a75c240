// Sets labels and annotations of an existing pod; ignores one that is gone meanwhile.
import { type KubernetesMeta, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { sendAsLeader } from './object-writer.ts';

export interface PodWriting {
  readonly api: KubernetesApi;
  readonly mayWrite: () => boolean;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

export async function labelPod(
  { namespace, name, uid }: Pick<KubernetesMeta, 'namespace' | 'name' | 'uid'>,
  content: Pick<KubernetesMeta, 'labels' | 'annotations'>,
  { api, mayWrite }: Omit<PodWriting, 'nowMs'>,
): Promise<void> {
  try {
    await sendAsLeader(mayWrite, () =>
      api.request({
        method: 'PATCH',
        path: pathOf(PODS, { namespace, name }),
        // With its uid: a pod of the same name that was made later has a stamp, which this would change.
        body: { metadata: { uid, ...content } },
        contentType: 'application/merge-patch+json',
      }),
    );
  } catch (error) {
    const isGone = error instanceof ApiFailure && error.status === 404;
    if (!isGone) throw error;
  }
}
