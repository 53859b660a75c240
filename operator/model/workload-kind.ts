// A pod -> the kind of its workload, by the pod's labels and an owner: that which somebody found at the top, or the pod's
// own controller. Never undefined, since a pod is a workload itself.
import type { ProductMark, WorkloadKind } from './owned-workload.ts';
import { BARE_POD, OTHER_CONTROLLER, PLAIN_WORKLOADS, REPLICATED_PODS } from './plain-workloads.ts';
import { makesNewPods } from './pod-makers.ts';
import { groupOf } from './pod-owner.ts';
import type { Product } from './product.ts';
import { BUILT_ON_OTHERS, PRODUCT_WORKLOADS } from './product-workloads.ts';

export type { ProductMark, WorkloadKind } from './owned-workload.ts';

export const WORKLOAD_KINDS: readonly WorkloadKind[] = [
  ...PRODUCT_WORKLOADS,
  ...PLAIN_WORKLOADS,
  REPLICATED_PODS,
  OTHER_CONTROLLER,
  BARE_POD,
];

/** By which a ReplicaSet of a Deployment can be told from others. */
const TEMPLATE_HASH_LABEL = 'pod-template-hash';

/** What of a pod's labels has to be kept for workloadKindOf() and nameLabel. */
export const WORKLOAD_LABELS: readonly string[] = [
  ...new Set([
    ...WORKLOAD_KINDS.flatMap(({ marks, nameLabel }) => [
      ...marks.map(({ label }) => label),
      ...(nameLabel === undefined ? [] : [nameLabel]),
    ]),
    TEMPLATE_HASH_LABEL,
  ]),
];

/** Plurals by API group: all that can stand between a pod and the top of its owners, with the top. */
export const OWNER_PLURALS: ReadonlyMap<string, readonly string[]> = new Map(
  [...Map.groupBy(owners(), ({ group }) => group)].map(([group, kinds]) => [
    group,
    [...new Set(kinds.flatMap(({ plural, through = [] }) => [plural, ...through]))].toSorted(),
  ]),
);

function owners() {
  return WORKLOAD_KINDS.flatMap(({ owner }) => owner ?? []);
}

interface KindReference {
  readonly apiVersion: string;
  readonly kind: string;
}

/** One that is in the table; what owns it, in its turn, is not restarted. */
export function isWorkload(object: KindReference): boolean {
  return owners().some((owner) => isOfKind(object, owner));
}

/** Products that no label of others means: a pod has them by its own label, and is restarted as the workload it is. */
export const NOT_RECOGNISED: ReadonlyMap<Product, string> = new Map([
  ['SQL_UDF', 'functions run within the pods of a warehouse, or in pods of any kind that say so'],
  ['EXTERNAL_MODELS', 'a proxy to models of others is an ordinary Deployment'],
  ['PROVISIONED_THROUGHPUT', 'an endpoint with reserved capacity has the labels of any other one'],
  ['APPS', 'an app is an ordinary Deployment'],
  ['GENERAL', 'that is every pod that is nothing else'],
]);

interface RecognisedPod {
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: KindReference | undefined;
  /** What makes it, below that owner; left out where it is that owner. */
  readonly controller?: KindReference | undefined;
}

/** Outer ones first: the pods of a CronJob are those of a Job too. */
const IN_ORDER: readonly WorkloadKind[] = [
  ...BUILT_ON_OTHERS,
  ...[...PRODUCT_WORKLOADS, ...PLAIN_WORKLOADS].filter((kind) => !BUILT_ON_OTHERS.includes(kind)),
];

export function workloadKindOf(pod: RecognisedPod): WorkloadKind {
  return (
    IN_ORDER.find((kind) => isMarked(kind, pod.labels) && (isOwnedBy(kind, pod) || canBeNamed(kind, pod))) ??
    IN_ORDER.find((kind) => isOwnedBy(kind, pod)) ??
    withoutRow(pod)
  );
}

function withoutRow({ owner, controller = owner }: RecognisedPod): WorkloadKind {
  if (controller === undefined) return BARE_POD;
  return makesNewPods(controller) ? REPLICATED_PODS : OTHER_CONTROLLER;
}

/** A kind without marks asks for none. */
function isMarked({ marks }: WorkloadKind, labels: RecognisedPod['labels']): boolean {
  return marks.length === 0 || marks.some((mark) => carries(labels, mark));
}

export function carries(labels: RecognisedPod['labels'], { label, value }: ProductMark): boolean {
  return labels[label] !== undefined && (value === undefined || labels[label] === value);
}

function isOwnedBy({ owner }: WorkloadKind, pod: RecognisedPod): boolean {
  return owner !== undefined && pod.owner !== undefined && isOfKind(pod.owner, owner);
}

function isOfKind({ apiVersion, kind }: KindReference, owner: NonNullable<WorkloadKind['owner']>): boolean {
  return groupOf(apiVersion) === owner.group && kind === owner.kind;
}

/**
 * Labels alone make no workload of which nobody could say the name. A pod that nothing controls has no owner, and one of a
 * kind that nobody knows may not be made by what its labels say.
 */
function canBeNamed({ owner, nameLabel }: WorkloadKind, pod: RecognisedPod): boolean {
  if (owner === undefined) return pod.owner === undefined || isPod(pod.owner);
  const isNamed = nameLabel !== undefined && pod.labels[nameLabel] !== undefined;
  return isNamed && [pod.owner, pod.controller].some((one) => one !== undefined && isKnown(one));
}

/** It makes the pods of a workload of the table, or is one. */
function isKnown(owner: KindReference): boolean {
  return makesNewPods(owner) || isPod(owner) || isWorkload(owner);
}

/** Executors are owned by the pod of their driver. */
function isPod({ apiVersion, kind }: KindReference): boolean {
  return apiVersion === 'v1' && kind === 'Pod';
}
