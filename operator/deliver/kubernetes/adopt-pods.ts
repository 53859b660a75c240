// Pods that are there already when their Namespace becomes a workspace. Those that run get lane `full`, so that isolation
// leaves them alone until they restart (R39). Those that have not started yet would start past the workspace: they get
// the strictest lane, where they reach nothing, since what they would need besides cannot be written into them any more.
// No pod can start anew meanwhile: admission refuses it until the workspace is ready.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { hasStarted, type PodStatus } from '../../model/pod-status.ts';
import { ADOPTED_LANE, ADOPTED_PRODUCT, HELD_LANE, LANE_LABEL, PRODUCT_LABEL } from '../../model/stamp.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';

export interface AdoptedPods {
  /** How many run on as they are. */
  readonly running: number;
  /** Those that had not started. */
  readonly held: readonly HeldPod[];
}

export interface HeldPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

interface PodItem extends Pick<KubernetesObject, 'metadata'> {
  readonly status?: PodStatus;
}

/** Throws where a pod could not be labelled, so that nothing isolates it by mistake. */
export async function adoptPods(namespace: string, writing: PodWriting): Promise<AdoptedPods> {
  const path = pathOf(PODS, { namespace });
  const query = { labelSelector: `!${LANE_LABEL}` };
  const { items } = (await writing.api.request({ method: 'GET', path, query })) as {
    readonly items: readonly PodItem[];
  };
  // The items of a list come without their kind.
  const pods = items.map((pod) => ({ kind: PODS.kind, ...pod }));
  const laneOf = ({ status }: PodItem) => (hasStarted(status) ? ADOPTED_LANE : HELD_LANE);
  const [failure] = (
    await inParallel(pods, (pod) =>
      labelPod(pod.metadata, { [LANE_LABEL]: laneOf(pod), [PRODUCT_LABEL]: ADOPTED_PRODUCT }, writing),
    )
  ).values();
  if (failure !== undefined) throw failure;
  const held = pods.filter((pod) => laneOf(pod) === HELD_LANE);
  return {
    running: pods.length - held.length,
    held: held.map(({ metadata: { name, uid = '' } }) => ({ namespace, name, uid })),
  };
}
