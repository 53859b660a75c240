// Which controllers make a new pod in the place of one that is deleted or evicted. Anybody may write an owner into a pod, and
// an owner of a kind that nobody knows may make none: so only these count.
import { groupOf, type PodController } from './pod-owner.ts';

/** By API group: what controls pods itself. */
const POD_MAKERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['', ['ReplicationController']],
  ['apps', ['ReplicaSet', 'StatefulSet', 'DaemonSet']],
  ['batch', ['Job']],
  ['ray.io', ['RayCluster']],
  ['agents.x-k8s.io', ['Sandbox']],
  ['sparkoperator.k8s.io', ['SparkConnect']],
]);

export function makesNewPods({ apiVersion, kind }: Pick<PodController, 'apiVersion' | 'kind'>): boolean {
  return POD_MAKERS.get(groupOf(apiVersion))?.includes(kind) === true;
}
