// Pods that exist when their Namespace becomes a workspace. Before isolation is written running ones get lane `full`,
// which exempts them until they restart (R39), as does one in the network of its node, since no other lane would be
// true. Once it is written, those that have not started get the strictest lane, where they reach nothing, since their
// proxy variables and name servers can no longer be set. In this order they are isolated by the labels that they have,
// and while the network learns of the new one. No new pod can start meanwhile: admission denies it until the workspace
// is ready. Where running ones were exempted, isolation waits until the network has learned that too. A pod of which the
// API server stores no change keeps isolation from none of the others: it is isolated with them, as any without a lane.
import { type KubernetesObject, pathOf } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { KUBE_NETWORK_POLICIES, PODS } from '../../model/cluster-resources.ts';
import { type ExemptedPod, exemptedUntil, exemptionAnnotations } from '../../model/exempted-pod.ts';
import { type FoundPod, laneAfterIsolation, laneBeforeIsolation } from '../../model/found-pod.ts';
import type { Lane } from '../../model/lane.ts';
import { moveAnnotations } from '../../model/moved-pod.ts';
import { openingsOf } from '../../model/pod-openings.ts';
import { hasStarted } from '../../model/pod-status.ts';
import { EXEMPTED_LANE, EXEMPTED_PRODUCT, HELD_LANE, LANE_LABEL, PRODUCT_LABEL } from '../../model/stamp.ts';
import { ISOLATION_NAME, MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';
import { podEvent, type Recorder } from './pod-event.ts';
import { PodRefused } from './pod-write-memory.ts';

interface FoundPodWriting extends PodWriting {
  /** Of pods that cannot be labelled. */
  readonly recorder: Recorder;
}

export interface Exemption extends FoundPodWriting {
  /** Running pods are isolated too, as somebody wished. */
  readonly isolatesAll: boolean;
}

export interface Holding extends FoundPodWriting {
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

export interface Exempted {
  /** How many pods, this time. */
  readonly count: number;
  /** Epoch milliseconds until which isolation waits, so that the network follows; undefined where it need not. */
  readonly untilMs: number | undefined;
}

type PodItem = Pick<KubernetesObject, 'metadata'> & FoundPod;

/** Before isolation is written. Throws where one could not be labelled yet, so that nothing isolates it by mistake. */
export async function exemptPods(namespace: string, exemption: Exemption): Promise<Exempted> {
  // Once isolation exists, a pod without a lane is isolated, and was never exempt. Asked before the pods are.
  const isolatesAll = exemption.isolatesAll || (await isIsolated(namespace, exemption.api));
  const count = await labelFound(namespace, exemption, (pod) => laneBeforeIsolation(pod, isolatesAll));
  if (isolatesAll) return { count, untilMs: undefined };
  // Also those of a former leader.
  const labelSelector = `${LANE_LABEL}=${EXEMPTED_LANE}`;
  const exempted = await podsOf<ExemptedPod>(namespace, labelSelector, exemption.api);
  return { count, untilMs: exemptedUntil(exempted, exemption.nowMs()) };
}

async function podsOf<Pod>(
  namespace: string,
  labelSelector: string,
  api: KubernetesApi,
): Promise<readonly Pod[]> {
  const path = pathOf(PODS, { namespace });
  const { items } = (await api.request({ method: 'GET', path, query: { labelSelector } })) as {
    readonly items: readonly Pod[];
  };
  return items;
}

/** After isolation is written. Resolves with how many; throws where one could not be labelled yet. */
export async function holdFoundPods(namespace: string, { onHeld, ...writing }: Holding): Promise<number> {
  return labelFound(namespace, writing, laneAfterIsolation, async ({ metadata, spec = {}, status }, lane) => {
    const { name, uid = '' } = metadata;
    if (lane === HELD_LANE && !hasStarted(status))
      await onHeld({ namespace, name, uid, openings: openingsOf(spec) });
  });
}

async function labelFound(
  namespace: string,
  writing: FoundPodWriting,
  laneOf: (pod: FoundPod) => Lane | undefined,
  onLabelled: (pod: PodItem, lane: Lane) => Promise<void> = async () => undefined,
): Promise<number> {
  const items = await podsOf<PodItem>(namespace, `!${LANE_LABEL}`, writing.api);
  const found = items.flatMap((pod) => {
    const lane = laneOf(pod);
    return lane === undefined ? [] : [{ pod, lane }];
  });
  const failures = await inParallel(found, async ({ pod, lane }) => {
    const labels = { [LANE_LABEL]: lane, [PRODUCT_LABEL]: EXEMPTED_PRODUCT };
    const nowMs = writing.nowMs();
    // Until then it reached everything.
    const annotations =
      lane === HELD_LANE ? moveAnnotations(EXEMPTED_LANE, nowMs) : exemptionAnnotations(pod, nowMs);
    await labelPod(pod.metadata, { labels, annotations }, writing);
    await onLabelled(pod, lane);
  });
  const refused = failures.filter(({ error }) => error instanceof PodRefused);
  for (const { item, error } of refused)
    if ((error as PodRefused).isNew) await writing.recorder.record(refusalEvent(item, error));
  const passing = failures.find((failure) => !refused.includes(failure));
  if (passing !== undefined) throw passing.error;
  return found.length - refused.length;
}

function refusalEvent({ pod, lane }: { readonly pod: PodItem; readonly lane: Lane }, { message }: Error) {
  const wish = lane === EXEMPTED_LANE ? 'exempted from isolation until it restarts' : 'given a lane';
  return podEvent(pod.metadata, {
    type: 'Warning',
    reason: 'PodNotLabelled',
    action: 'Isolate',
    note: `Its Namespace became a workspace, and it could not be ${wish}, so it is isolated without a lane and reaches nothing outside: ${message}, so that it is created again with the current settings`,
  });
}

/** As the server has it, since what a watch has returned may be older than our own write. */
async function isIsolated(namespace: string, api: KubernetesApi): Promise<boolean> {
  const path = pathOf(KUBE_NETWORK_POLICIES, { namespace });
  const query = {
    fieldSelector: `metadata.name=${ISOLATION_NAME}`,
    labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`,
  };
  const { items } = (await api.request({ method: 'GET', path, query })) as {
    readonly items: readonly unknown[];
  };
  return items.length > 0;
}
