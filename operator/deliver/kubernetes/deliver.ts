// One pass of the leader: outputs -> the API server, in the order that never leaves a pod outside its policy. Running
// pods of a new workspace are exempted before anything isolates them, those that wait get their lane after, isolation is
// in place before a stamp lets pods start, and what is no longer wanted goes last.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { type KubernetesObject, objectKey } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Logger } from '../../lib/logger.ts';
import {
  type ClusterResource,
  EGRESS_TABLES,
  INGRESS_PLANS,
  KUBE_NETWORK_POLICIES,
  NAMESPACES,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { USER_ANNOTATIONS } from '../../model/stamp.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, WORKSPACE_NAME_LABEL } from '../../model/system-names.ts';
import type { OperatorOutputs } from '../../pipeline.ts';
import { exemptPods, type HeldPod, holdFoundPods } from './exempt-pods.ts';
import { failuresByWorkspace } from './failures-by-workspace.ts';
import { heldAddresses } from './held-addresses.ts';
import { holdPods, type Recorder, recordHeldPod } from './hold-pods.ts';
import { inParallel } from './in-parallel.ts';
import type { LeaderLease } from './leader-lease.ts';
import type { ObjectWriter, WriteFailures } from './object-writer.ts';
import { planWrites } from './plan-writes.ts';

export interface Delivery {
  readonly api: KubernetesApi;
  readonly writer: ObjectWriter;
  readonly lease: Pick<LeaderLease, 'isLeader'>;
  readonly recorder: Recorder;
  readonly logger: Logger;
}

/** Kinds that only the operator writes, pruned when no longer wanted. */
const PRUNED_RESOURCES: readonly ClusterResource[] = [
  EGRESS_TABLES,
  WORKSPACE_PLANS,
  INGRESS_PLANS,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
  KUBE_NETWORK_POLICIES,
];

/** By key, as the outputs were computed from them. */
type Observed = ReadonlyMap<string, KubernetesObject>;

/** What could not be written. */
export async function deliver(
  outputs: OperatorOutputs,
  observed: Observed,
  delivery: Delivery,
): Promise<WriteFailures> {
  const { api, writer, lease, logger, recorder } = delivery;
  const notCreated = await createAll(outputs.createdOnce, { writer, logger });
  const notExempted = await exemptAll(outputs, delivery);
  const stillOpen = new Set(notExempted.map(namespaceOf));
  const wanted = outputs.objects.filter(
    ({ metadata }) => !stillOpen.has(metadata.labels?.[WORKSPACE_NAME_LABEL] ?? ''),
  );
  const { apply, remove } = planWrites(wanted, observed, isPruned);
  await yieldToEventLoop();
  const isNewService = (object: KubernetesObject): boolean =>
    object.kind === SERVICES.kind && !observed.has(objectKey(object));
  const held = await heldAddresses(apply.filter(isNewService), api);
  const waiting = new Set(held.map(({ item }) => item));
  const ready = apply.filter((object) => !waiting.has(object));
  const failed = [...held, ...(await writer.applyAll(ready, observed))];
  // Their isolation or their table is not as it should be.
  const unsafe = failuresByWorkspace(failed, outputs.plans);
  const isSafe = (name: string): boolean => !unsafe.has(name) && !stillOpen.has(name);
  const foundNotHeld = await holdAll(outputs.exempting.filter(isSafe), delivery);
  const unheld = new Set(foundNotHeld.map(namespaceOf));
  const stamps = outputs.stamps.filter(({ metadata: { name } }) => isSafe(name) && !unheld.has(name));
  const stamped = planWrites(stamps, observed, () => false).apply;
  const notStamped = await writer.applyAll(stamped, observed);
  for (const { metadata } of stamped) logger.info('stamped', { workspace: metadata.name });
  const overtaken = outputs.overtaken.map(({ pod, lane }) => ({ ...pod, from: pod.lane, lane }));
  const notHeld = await holdPods(overtaken, { api, mayWrite: () => lease.isLeader() }, recorder);
  const notUnstamped = await unstampAll(outputs.unstamped, observed, writer);
  // Objects of workspaces that were left out above are still wanted.
  const wantedKeys = new Set(outputs.objects.map(objectKey));
  // In a terminating Namespace, isolation is deleted with the last pod, and not before.
  const removable = remove.filter(
    (object) =>
      !wantedKeys.has(objectKey(object)) && !outputs.terminating.has(object.metadata.namespace ?? ''),
  );
  const abandoned = outputs.abandoned.flatMap((name) => observed.get(`PolicyAssignment/${name}`) ?? []);
  const notRemoved = await writer.removeAll([...removable, ...abandoned]);
  const all = [notCreated, notExempted, failed, foundNotHeld, notStamped, notHeld, notUnstamped, notRemoved];
  return all.flat();
}

async function createAll(
  objects: readonly KubernetesObject[],
  { writer, logger }: Pick<Delivery, 'writer' | 'logger'>,
): Promise<WriteFailures> {
  return inParallel(objects, async (object) => {
    await writer.create(object);
    logger.info('created', { object: objectKey(object) });
  });
}

function isPruned({ apiVersion, kind, metadata }: KubernetesObject): boolean {
  const isOurs = PRUNED_RESOURCES.some(
    (resource) => resource.kind === kind && resource.apiVersion === apiVersion,
  );
  return isOurs && metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}

/** Namespaces whose pods could not be exempted, with why. */
function exemptAll(
  { exempting, adopting }: Pick<OperatorOutputs, 'exempting' | 'adopting'>,
  { api, lease, logger }: Delivery,
): Promise<WriteFailures> {
  return forNamespaces(exempting, async (name) => {
    const exemption = { api, mayWrite: () => lease.isLeader(), isolatesAll: adopting.has(name) };
    const exempt = await exemptPods(name, exemption);
    if (exempt > 0) logger.info('exempted pods', { workspace: name, exempt });
  });
}

/** Isolated Namespaces whose waiting pods could not be held, with why. */
function holdAll(
  isolated: readonly string[],
  { api, lease, logger, recorder }: Delivery,
): Promise<WriteFailures> {
  return forNamespaces(isolated, async (name) => {
    const onHeld = (pod: HeldPod): Promise<void> => recordHeldPod(pod, recorder);
    const held = await holdFoundPods(name, { api, mayWrite: () => lease.isLeader(), onHeld });
    if (held > 0) logger.info('held pods', { workspace: name, held });
  });
}

function forNamespaces(
  names: readonly string[],
  work: (name: string) => Promise<void>,
): Promise<WriteFailures> {
  const namespaces = names.map((name) => ({ kind: NAMESPACES.kind, metadata: { name } }));
  return inParallel(namespaces, ({ metadata }) => work(metadata.name));
}

function namespaceOf({ item }: WriteFailures[number]): string {
  return item.metadata.name;
}

/** All our annotations but those that users set. */
async function unstampAll(
  names: readonly string[],
  observed: Observed,
  writer: ObjectWriter,
): Promise<WriteFailures> {
  const namespaces = names.flatMap((name) => observed.get(`${NAMESPACES.kind}/${name}`) ?? []);
  return inParallel(namespaces, async (namespace) => {
    const ours = Object.keys(namespace.metadata.annotations ?? {}).filter(
      (annotation) => annotation.startsWith(`${GROUP}/`) && !USER_ANNOTATIONS.includes(annotation),
    );
    await writer.removeAnnotations(namespace, ours);
  });
}
