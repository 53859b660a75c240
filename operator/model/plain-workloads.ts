// The workloads that are no product's by themselves: controllers of Kubernetes, RayClusters, and what nobody knows. Which
// product their pods are says a label, GENERAL otherwise.
import type { WorkloadKind } from './owned-workload.ts';
import {
  deleteCommand,
  deletePodsCommand,
  rolloutRestart,
  SUSPENDED,
  stopAndStart,
} from './restart-procedure.ts';

const RULE = 'R39';

const RAY_CLUSTER: WorkloadKind = {
  name: 'Ray RayCluster',
  product: undefined,
  marks: [{ label: 'ray.io/cluster' }],
  owner: { group: 'ray.io', kind: 'RayCluster', plural: 'rayclusters' },
  nameLabel: 'ray.io/cluster',
  restart: stopAndStart(
    { sentence: 'Suspend the cluster and resume it. What runs on it ends', rule: RULE },
    { resource: 'rayclusters.ray.io', ...SUSPENDED, podLabel: 'ray.io/cluster' },
  ),
};

/** After all others, since they make these too. */
export const PLAIN_WORKLOADS: readonly WorkloadKind[] = [
  RAY_CLUSTER,
  controllerOf('Deployment', 'Restart its rollout: by default new pods come before old ones go', [
    'replicasets',
  ]),
  controllerOf(
    'StatefulSet',
    'Restart its rollout: pod by pod. With updateStrategy "OnDelete" delete its pods instead',
  ),
  controllerOf(
    'DaemonSet',
    'Restart its rollout: node by node. With updateStrategy "OnDelete" delete its pods instead',
  ),
];

/** Above their controller may be what nobody knows: that of a canary release, for example. */
export const REPLICATED_PODS: WorkloadKind = {
  name: 'Pods that a ReplicaSet or ReplicationController makes',
  product: undefined,
  marks: [],
  owner: undefined,
  nameLabel: undefined,
  restart: {
    sentence: 'Restart it in the way of its kind; or delete its pods, and its controller makes new ones',
    rule: RULE,
    commands: deletePodsCommand,
    action: { kind: 'deletePods' },
  },
};

export const OTHER_CONTROLLER: WorkloadKind = {
  name: 'Pods of another controller',
  product: undefined,
  marks: [],
  owner: undefined,
  nameLabel: undefined,
  restart: {
    sentence:
      'Restart it in the way of its kind, which is not known here; or delete its pods, where its controller makes new ones',
    rule: RULE,
    commands: deletePodsCommand,
    action: { kind: 'none', why: 'whether its controller makes new pods is not known' },
  },
};

export const BARE_POD: WorkloadKind = {
  name: 'Pod without a controller',
  product: undefined,
  marks: [],
  owner: undefined,
  nameLabel: undefined,
  restart: {
    sentence: 'Delete it and create it again from its manifest',
    rule: RULE,
    commands: (workload) => [deleteCommand('pod', workload)],
    action: { kind: 'none', why: 'nothing makes a new pod in its place' },
  },
};

function controllerOf(kind: string, sentence: string, through: readonly string[] = []): WorkloadKind {
  return {
    name: kind,
    product: undefined,
    marks: [],
    owner: { group: 'apps', kind, plural: `${kind.toLowerCase()}s`, through },
    nameLabel: undefined,
    restart: rolloutRestart({ sentence, rule: RULE }, kind.toLowerCase()),
  };
}
