// The pods of one workload as they are at this moment: those that must go, and the others.
import { workloadOfPod } from '../../compile/workload-of-pod.ts';
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import { groupOf } from '../../model/pod-owner.ts';
import type { OwnerChain } from '../../sources/kubernetes/owner-chain.ts';
import { ownersOf, stalePods } from '../restarts/read-restarts.ts';
import { type LaneTimes, readWorkspace } from '../restarts/read-workspaces.ts';
import type { PersonApi } from '../shared/person-access.ts';
import type { RestartableWorkload } from './find-workload.ts';
import type { SeenPods } from './remaining-pods.ts';

export interface PodsPlace {
  readonly api: PersonApi;
  readonly laneTimes: LaneTimes;
  readonly chain: OwnerChain;
}

/** Owners are followed of stale pods, and of those that were created since: of the others what they say themselves counts. */
export async function lookAtPods(
  { api, laneTimes, chain }: PodsPlace,
  { namespace, group, kind, name }: RestartableWorkload,
  sinceMs: number,
): Promise<SeenPods> {
  const read = await readWorkspace(api, namespace, laneTimes);
  const stale = new Set(stalePods(read, Date.now()));
  const isNew = ({ createdAtMs = sinceMs }: StampedPod): boolean => createdAtMs >= sinceMs;
  const owners = await ownersOf(
    read.pods.filter((pod) => stale.has(pod) || isNew(pod)),
    chain,
  );
  const own = read.pods.filter((pod) => {
    const workload = workloadOfPod(pod, owners);
    return groupOf(workload.apiVersion) === group && workload.kind === kind && workload.name === name;
  });
  const objects = new Map(read.objects.map((object) => [object.metadata.uid, object]));
  const objectsOf = (pods: readonly StampedPod[]): readonly KubernetesObject[] =>
    pods.flatMap(({ uid }) => objects.get(uid) ?? []);
  return {
    stale: objectsOf(own.filter((pod) => stale.has(pod))),
    others: objectsOf(own.filter((pod) => !stale.has(pod))),
  };
}
