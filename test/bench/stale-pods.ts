// 10,000 pods of 1,000 workspaces, every one of them in a lane more open than its policy says: the most that one change of
// a policy can make stale.
import { restartPlan } from '../../operator/compile/restart-plan.ts';
import type { WorkspaceLanes } from '../../operator/compile/stale-pods.ts';
import type { StampedPod } from '../../operator/model/cluster-state.ts';
import type { TopOwner } from '../../operator/model/pod-owner.ts';

const START_MS = Date.parse('2027-01-31T00:00:00Z');

export interface StaleCluster {
  readonly pods: readonly StampedPod[];
  /** Half of the controllers have one. */
  readonly owners: ReadonlyMap<string, TopOwner>;
}

export function staleCluster(workspaces: number, podsOfEach: number): StaleCluster {
  const pods = Array.from({ length: workspaces * podsOfEach }, (_, at) =>
    podOf(`ws-${Math.floor(at / podsOfEach)}`, at),
  );
  const owners = pods
    .filter((_, at) => at % 2 === 0)
    .map(({ namespace, controller }): [string, TopOwner] => [
      controller?.uid ?? '',
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: `etl-${namespace}`,
        uid: `d-${namespace}`,
        namespace,
      },
    ]);
  return { pods, owners: new Map(owners) };
}

/** How many workloads must restart. */
export function planRestarts({ pods, owners }: StaleCluster): number {
  const lanes: WorkspaceLanes = {
    lanes: new Map([['GENERAL', 'enforced']]),
    sinceMs: new Map([['GENERAL', START_MS]]),
    stamp: undefined,
  };
  const plan = restartPlan({ pods, owners, lanesOf: () => lanes, atMs: START_MS });
  return [...plan.values()].reduce((sum, { workloads }) => sum + workloads.length, 0);
}

function podOf(namespace: string, at: number): StampedPod {
  const name = `etl-${at}`;
  return {
    ...{ namespace, name, uid: name, product: 'GENERAL', lane: 'full', stamp: 'r1' },
    ...{ hasStarted: true, nodeName: 'node-1', openings: [], createdAtMs: START_MS - at },
    controller: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-77`, uid: `rs-${at}` },
    workloadLabels: { 'pod-template-hash': '77', 'batch.kubernetes.io/job-name': `load-${at}` },
  };
}
