// One pass of the leader: outputs -> the API server, in the order that never leaves a pod outside its policy. Running
// pods of a new workspace are exempted before anything isolates them, which waits until the network knows; pods that have
// not started get their lane after, isolation is in place before a stamp lets pods start, and what is no longer wanted
// goes last.
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
import {
  ISOLATION_NAME,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  WORKSPACE_NAME_LABEL,
} from '../../model/system-names.ts';
import type { OperatorOutputs } from '../../pipeline.ts';
import { exemptPods, type HeldPod, holdFoundPods } from './exempt-pods.ts';
import { failuresByWorkspace } from './failures-by-workspace.ts';
import { heldAddresses } from './held-addresses.ts';
import { holdPods, recordHeldPod } from './hold-pods.ts';
import { inParallel } from './in-parallel.ts';
import type { PodWriting } from './label-pod.ts';
import type { LeaderLease } from './leader-lease.ts';
import type { ObjectWriter, WriteFailures } from './object-writer.ts';
import { planWrites } from './plan-writes.ts';
import type { Recorder } from './pod-event.ts';
import type { PodWriteMemory } from './pod-write-memory.ts';

export interface Delivery {
  readonly api: KubernetesApi;
  readonly writer: ObjectWriter;
  readonly lease: Pick<LeaderLease, 'isLeader'>;
  readonly recorder: Recorder;
  readonly podMemory: PodWriteMemory;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

export interface Delivered {
  /** What could not be written. */
  readonly failed: WriteFailures;
  /** Workspaces whose isolation waits, with the epoch milliseconds until which it does. */
  readonly settling: ReadonlyMap<string, number>;
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

export async function deliver(
  outputs: OperatorOutputs,
  observed: Observed,
  delivery: Delivery,
): Promise<Delivered> {
  const { api, writer, logger, recorder } = delivery;
  const notCreated = await createAll(outputs.createdOnce, { writer, logger });
  const { settling, failed: notExempted } = await exemptAll(outputs, delivery);
  const stillOpen = new Set(notExempted.map(namespaceOf));
  const wanted = wantedNow(outputs, observed, settling).filter(
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
  const stamps = outputs.stamps.filter(
    ({ metadata: { name } }) => isSafe(name) && !unheld.has(name) && !settling.has(name),
  );
  const stamped = planWrites(stamps, observed, () => false).apply;
  const notStamped = await writer.applyAll(stamped, observed);
  for (const { metadata } of stamped) logger.info('stamped', { workspace: metadata.name });
  const overtaken = outputs.overtaken.map(({ pod, lane }) => ({ ...pod, from: pod.lane, lane }));
  const notHeld = await holdPods(overtaken, podWriting(delivery), recorder);
  const notUnstamped = await unstampAll(outputs.unstamped, observed, writer);
  // Objects of workspaces that were left out above are still wanted.
  const wantedKeys = new Set([...outputs.objects, ...outputs.holding].map(objectKey));
  // In a terminating Namespace, isolation is deleted with the last pod, and not before.
  const removable = remove.filter(
    (object) =>
      !wantedKeys.has(objectKey(object)) && !outputs.terminating.has(object.metadata.namespace ?? ''),
  );
  const abandoned = outputs.abandoned.flatMap((name) => observed.get(`PolicyAssignment/${name}`) ?? []);
  const notRemoved = await writer.removeAll([...removable, ...abandoned]);
  const all = [notCreated, notExempted, failed, foundNotHeld, notStamped, notHeld, notUnstamped, notRemoved];
  return { failed: all.flat(), settling };
}

/** Of what is wanted in the end, what may be written now; and what isolates held pods until the rest is. */
function wantedNow(
  { objects, holding, unready }: Pick<OperatorOutputs, 'objects' | 'holding' | 'unready'>,
  observed: Observed,
  settling: Delivered['settling'],
): readonly KubernetesObject[] {
  const waits = (object: KubernetesObject): boolean => {
    const { name, namespace = '' } = object.metadata;
    if (object.kind !== KUBE_NETWORK_POLICIES.kind) return false;
    // It did not become a workspace before somebody took its label off again.
    if (unready.has(namespace)) return !observed.has(objectKey(object));
    return name === ISOLATION_NAME && settling.has(namespace);
  };
  return [
    ...objects.filter((object) => !waits(object)),
    ...holding.filter(({ metadata: { namespace = '' } }) => settling.has(namespace)),
  ];
}

function podWriting({ api, lease, nowMs, podMemory }: Delivery): PodWriting {
  return { api, mayWrite: () => lease.isLeader(), nowMs, podMemory };
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

/** `failed` are Namespaces whose pods could not be exempted, with why. */
async function exemptAll(
  { exempting, adopting }: Pick<OperatorOutputs, 'exempting' | 'adopting'>,
  delivery: Delivery,
): Promise<Delivered> {
  const settling = new Map<string, number>();
  const failed = await forNamespaces(exempting, async (name) => {
    const { recorder } = delivery;
    const exemption = { ...podWriting(delivery), recorder, isolatesAll: adopting.has(name) };
    const { count, untilMs } = await exemptPods(name, exemption);
    if (untilMs !== undefined) settling.set(name, untilMs);
    if (count > 0) delivery.logger.info('exempted pods', { workspace: name, exempt: count });
  });
  return { settling, failed };
}

/** Namespaces whose waiting pods are isolated once they are held, and could not be, with why. */
function holdAll(isolated: readonly string[], delivery: Delivery): Promise<WriteFailures> {
  return forNamespaces(isolated, async (name) => {
    const { recorder } = delivery;
    const onHeld = (pod: HeldPod): Promise<void> => recordHeldPod(pod, recorder);
    const held = await holdFoundPods(name, { ...podWriting(delivery), recorder, onHeld });
    if (held > 0) delivery.logger.info('held pods', { workspace: name, held });
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
