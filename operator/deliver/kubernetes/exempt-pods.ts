// Pods that are there already when their Namespace becomes a workspace. Those that run get lane `full`, so that
// isolation leaves them alone until they restart (R39). Those that have not started yet would start past the workspace:
// they get the strictest lane, where they reach nothing, since what they would need besides cannot be written into them
// any more. No pod can start anew meanwhile: admission refuses it until the workspace is ready.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { hasStarted, type PodStatus } from '../../model/pod-status.ts';
import { EXEMPTED_LANE, EXEMPTED_PRODUCT, HELD_LANE, LANE_LABEL, PRODUCT_LABEL } from '../../model/stamp.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';

/** How many. */
export interface ExemptedPods {
  /** They run on as they are. */
  readonly running: number;
  /** They had not started. */
  readonly held: number;
}

export interface Exemption extends PodWriting {
  /** Told of each pod that was held, also where another could not be. */
  readonly onHeld: (pod: HeldPod) => Promise<void>;
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
export async function exemptPods(namespace: string, exemption: Exemption): Promise<ExemptedPods> {
  const path = pathOf(PODS, { namespace });
  const query = { labelSelector: `!${LANE_LABEL}` };
  const { items } = (await exemption.api.request({ method: 'GET', path, query })) as {
    readonly items: readonly PodItem[];
  };
  const [failure] = await inParallel(items, async ({ metadata, status }) => {
    const lane = hasStarted(status) ? EXEMPTED_LANE : HELD_LANE;
    await labelPod(metadata, { [LANE_LABEL]: lane, [PRODUCT_LABEL]: EXEMPTED_PRODUCT }, exemption);
    const { name, uid = '' } = metadata;
    if (lane === HELD_LANE) await exemption.onHeld({ namespace, name, uid });
  });
  if (failure !== undefined) throw failure.error;
  const running = items.filter(({ status }) => hasStarted(status)).length;
  return { running, held: items.length - running };
}
