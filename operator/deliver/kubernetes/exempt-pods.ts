// Pods that exist when their Namespace becomes a workspace. Running ones get lane `full`, which exempts them from
// isolation until they restart (R39). Those that have not started yet get the strictest lane, where they reach nothing,
// since their proxy variables and name servers can no longer be set. No new pod can start meanwhile: admission denies
// it until the workspace is ready.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import { PODS } from '../../model/cluster-resources.ts';
import { hasStarted, type PodStatus } from '../../model/pod-status.ts';
import { EXEMPTED_LANE, EXEMPTED_PRODUCT, HELD_LANE, LANE_LABEL, PRODUCT_LABEL } from '../../model/stamp.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';

/** How many. */
export interface ExemptedPods {
  /** Exempt, running pods. */
  readonly running: number;
  /** Pods that had not started. */
  readonly held: number;
}

export interface Exemption extends PodWriting {
  /** Called for each pod that was held, also where another could not be. */
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
