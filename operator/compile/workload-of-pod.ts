// A pod -> the workload that has to be restarted: the top of its owners where somebody has followed them, else the object
// that the pod's labels or its own controller name, else the pod itself. Labels count where owners end too early only, and of
// a pod without a controller never: anybody may write them. What the pod says is a tenant's text, and commands for people are made of it: so only what can be
// the name of an object counts.
import type { StampedPod } from '../model/cluster-state.ts';
import { groupOf, OWNER_API_VERSION, type PodController, type TopOwner } from '../model/pod-owner.ts';
import { type WorkloadKind, workloadKindOf } from '../model/workload-kind.ts';

export interface PodWorkload {
  /** Of the group alone where only a label names the object. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined where only its name is known. */
  readonly uid: string | undefined;
  readonly workloadKind: WorkloadKind;
}

type Named = Omit<PodWorkload, 'workloadKind'>;

const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

const TEMPLATE_HASH = 'pod-template-hash';

/** By uid of the controller of the pod. */
export type Owners = ReadonlyMap<string, TopOwner>;

export function workloadOfPod(pod: StampedPod, owners: Owners): PodWorkload {
  const top = topOwner(pod, owners);
  const owner = top ?? ownController(pod);
  const { workloadLabels: labels } = pod;
  const workloadKind = workloadKindOf({ labels, owner, controller: owner && pod.controller });
  const object = owner === undefined ? podItself(pod) : objectOf(owner);
  if (workloadKind.owner === undefined || isOwner(object, workloadKind)) return { ...object, workloadKind };
  const named = top?.isWhole === true ? undefined : namedByLabel(workloadKind, pod);
  if (named !== undefined) return { ...named, workloadKind };
  return {
    ...object,
    workloadKind: workloadKindOf({ labels: {}, owner, controller: owner && pod.controller }),
  };
}

/** An owner of another Namespace is none, whatever the pod says. */
function topOwner({ namespace, controller }: StampedPod, owners: Owners): TopOwner | undefined {
  const top = controller === undefined ? undefined : owners.get(controller.uid);
  return top?.namespace === namespace && canBeNamed(top) ? top : undefined;
}

function objectOf({ apiVersion, kind, name, uid }: Named): Named {
  return { apiVersion, kind, name, uid };
}

function ownController({ controller, workloadLabels }: StampedPod): Named | undefined {
  if (controller === undefined || !canBeNamed(controller)) return undefined;
  return deploymentOf(controller, workloadLabels);
}

function canBeNamed({ apiVersion, kind, name }: PodController): boolean {
  return OWNER_API_VERSION.test(apiVersion) && KIND.test(kind) && NAME.test(name);
}

function podItself({ name, uid }: StampedPod): Named {
  return { apiVersion: 'v1', kind: 'Pod', name, uid };
}

/** A ReplicaSet of a Deployment has the hash of the pod's template at the end of its name. */
function deploymentOf(
  { apiVersion, kind, name, uid }: PodController,
  labels: StampedPod['workloadLabels'],
): Named {
  const hash = labels[TEMPLATE_HASH] ?? '';
  const isOfDeployment = kind === 'ReplicaSet' && hash !== '' && name.endsWith(`-${hash}`);
  if (!isOfDeployment || !apiVersion.startsWith('apps/')) return { apiVersion, kind, name, uid };
  return { apiVersion, kind: 'Deployment', name: name.slice(0, -hash.length - 1), uid: undefined };
}

function namedByLabel({ owner, nameLabel }: WorkloadKind, pod: StampedPod): Named | undefined {
  const name = nameLabel === undefined ? '' : (pod.workloadLabels[nameLabel] ?? '');
  if (owner === undefined || !NAME.test(name)) return undefined;
  return { apiVersion: owner.group, kind: owner.kind, name, uid: undefined };
}

function isOwner({ apiVersion, kind }: Named, { owner }: WorkloadKind): boolean {
  return owner?.kind === kind && owner.group === groupOf(apiVersion);
}
