// A replica in a process of its own, that tests can freeze and kill. In: kubeconfig and identity as arguments. It runs
// for the lease and writes its name into a ConfigMap all the time; a line on standard output says how the last attempt
// ended, whenever that changes: "wrote", "fenced", or the server's reason.
import { setTimeout as sleep } from 'node:timers/promises';
import { LeaderLease } from '../../../operator/deliver/kubernetes/leader-lease.ts';
import { NoLongerLeader, ObjectWriter } from '../../../operator/deliver/kubernetes/object-writer.ts';
import { type KubernetesObject, objectKey } from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import { CONFIG_MAPS, configMap, leaseOptions } from './lease-scene.ts';

const [, , kubeconfig, identity = ''] = process.argv;
const api = await connectKubernetes({ kubeconfig });
const lease = new LeaderLease({
  ...leaseOptions(api, identity),
  onChange: () => undefined,
  onFailure: () => undefined,
});
const writer = new ObjectWriter({
  api,
  resources: [CONFIG_MAPS],
  mayWrite: () => lease.isLeader(),
  versionedKinds: ['ConfigMap'],
});

lease.start();
const seen = (await api.request({
  method: 'GET',
  path: '/api/v1/namespaces/default/configmaps/leader',
})) as KubernetesObject;
let notified = '';
for (let attempt = 1; ; attempt += 1) {
  const object = configMap(identity, attempt);
  const [failure] = await writer.applyAll([object], new Map([[objectKey(object), seen]]));
  const outcome = outcomeOf(failure?.error);
  if (outcome !== notified) process.stdout.write(`${outcome}\n`);
  notified = outcome;
  await sleep(20);
}

function outcomeOf(failure: Error | undefined): string {
  if (failure === undefined) return 'wrote';
  if (failure instanceof NoLongerLeader) return 'fenced';
  return (failure as { reason?: string }).reason ?? failure.message;
}
