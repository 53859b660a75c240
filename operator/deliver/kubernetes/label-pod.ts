// Sets labels and annotations of an existing pod; ignores one that is gone meanwhile. Where its author has left no room
// for annotations, the labels alone are written: they isolate, and what the annotations would say is remembered.
import { type KubernetesMeta, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { sendAsLeader } from './object-writer.ts';
import { isRefusal, type PodWriteMemory } from './pod-write-memory.ts';

export interface PodWriting {
  readonly api: KubernetesApi;
  readonly mayWrite: () => boolean;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly podMemory: PodWriteMemory;
}

type Place = Pick<KubernetesMeta, 'namespace' | 'name' | 'uid'>;

interface Content {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Throws PodRefused where the API server would say the same again, without asking it before the pod's wait is over. */
export async function labelPod(pod: Place, content: Content, writing: PodWriting): Promise<void> {
  const { podMemory, nowMs } = writing;
  const { uid = '' } = pod;
  const waiting = podMemory.waiting(uid, nowMs());
  if (waiting !== undefined) throw waiting;
  try {
    await patch(pod, content, writing).catch((error: unknown) =>
      labelAlone(pod, content, { error, writing }),
    );
    podMemory.written(uid);
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return;
    throw isRefusal(error) ? podMemory.refuse(uid, error as Error, nowMs()) : error;
  }
}

async function labelAlone(
  pod: Place,
  { labels, annotations }: Content,
  { error, writing }: { readonly error: unknown; readonly writing: PodWriting },
): Promise<void> {
  if (!(error instanceof ApiFailure) || error.status !== 422 || !isRefusal(error)) throw error;
  await patch(pod, { labels }, writing).catch((second: unknown) => {
    // Denied for want of the annotations, which cannot be written: nothing would change that.
    throw second instanceof ApiFailure && second.status === 403 ? error : second;
  });
  writing.podMemory.labelledAlone(pod.uid ?? '', annotations, writing.nowMs());
}

async function patch(
  { namespace, name, uid }: Place,
  content: Partial<Content>,
  { api, mayWrite }: PodWriting,
): Promise<void> {
  await sendAsLeader(mayWrite, () =>
    api.request({
      method: 'PATCH',
      path: pathOf(PODS, { namespace, name }),
      // With its uid: a pod of the same name that was made later has a stamp, which this would change.
      body: { metadata: { uid, ...content } },
      contentType: 'application/merge-patch+json',
    }),
  );
}
