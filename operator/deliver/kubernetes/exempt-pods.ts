// Pods that exist when their Namespace becomes a workspace. Running ones get lane `full`, which exempts them from
// isolation until they restart (R39). Those that have not started yet get the strictest lane, where they reach nothing,
// since their proxy variables and name servers can no longer be set. One in the network of its node gets lane full,
// since no other would be true. No new pod can start meanwhile: admission denies it until the workspace is ready.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { type FoundPod, laneOfFound } from '../../model/found-pod.ts';
import { openingsOf } from '../../model/pod-openings.ts';
import { hasStarted } from '../../model/pod-status.ts';
import { EXEMPTED_PRODUCT, HELD_LANE, LANE_LABEL, PRODUCT_LABEL } from '../../model/stamp.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';

/** How many. */
export interface ExemptedPods {
  /** Exempt: running pods, and those in the network of their node. */
  readonly exempt: number;
  /** Pods in the strictest lane. */
  readonly held: number;
}

export interface Exemption extends PodWriting {
  /** Running pods are isolated too. */
  readonly isolatesAll: boolean;
  /** Called for each pod that had not started and was held, also where another could not be. */
  readonly onHeld: (pod: HeldPod) => Promise<void>;
}

export interface HeldPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** What goes past the lane in which it is held. */
  readonly openings: readonly string[];
}

type PodItem = Pick<KubernetesObject, 'metadata'> & FoundPod;

/** Throws where a pod could not be labelled, so that nothing isolates it by mistake. */
export async function exemptPods(namespace: string, exemption: Exemption): Promise<ExemptedPods> {
  const path = pathOf(PODS, { namespace });
  const query = { labelSelector: `!${LANE_LABEL}` };
  const { items } = (await exemption.api.request({ method: 'GET', path, query })) as {
    readonly items: readonly PodItem[];
  };
  const found = items.flatMap((pod) => {
    const lane = laneOfFound(pod, exemption.isolatesAll);
    return lane === undefined ? [] : [{ ...pod, lane }];
  });
  const [failure] = await inParallel(found, async ({ metadata, spec = {}, status, lane }) => {
    await labelPod(metadata, { [LANE_LABEL]: lane, [PRODUCT_LABEL]: EXEMPTED_PRODUCT }, exemption);
    const { name, uid = '' } = metadata;
    if (lane === HELD_LANE && !hasStarted(status))
      await exemption.onHeld({ namespace, name, uid, openings: openingsOf(spec) });
  });
  if (failure !== undefined) throw failure.error;
  const exempt = found.filter(({ lane }) => lane !== HELD_LANE).length;
  return { exempt, held: found.length - exempt };
}
