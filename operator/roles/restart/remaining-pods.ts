// Pods of a workload that a restart left behind, and those that came -> why it goes on, as far as the API server says it.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { printableField } from '../shared/person-terminal.ts';

export interface SeenPods {
  /** In another lane than their product has now. */
  readonly stale: readonly KubernetesObject[];
  readonly others: readonly KubernetesObject[];
}

const MOST_NAMED = 5;

/** Sentences. */
export function describeRemaining(
  { stale, others }: SeenPods,
  owner: KubernetesObject | undefined,
): readonly string[] {
  return [
    ...some(stale.map(remainsOf)),
    ...some(others.flatMap((pod) => waitsOf(pod) ?? [])),
    ...failuresOf(owner),
  ].map(printableField);
}

function some(sentences: readonly string[]): readonly string[] {
  const more = sentences.length - MOST_NAMED;
  return more > 0 ? [...sentences.slice(0, MOST_NAMED), `and ${more} more pods`] : sentences;
}

function remainsOf({ metadata }: KubernetesObject): string {
  const { name, deletionTimestamp } = metadata;
  const { finalizers = [] } = metadata as { readonly finalizers?: readonly string[] };
  if (deletionTimestamp === undefined) return `pod "${name}" still runs, and nobody has deleted it`;
  const held = finalizers.length === 0 ? '' : `, and waits for finalizers ${finalizers.join(', ')}`;
  return `pod "${name}" is to be gone by ${deletionTimestamp}${held}`;
}

interface PodStatus {
  readonly conditions?: readonly Condition[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

/** Undefined for one that is ready, or of which nothing is said. */
function waitsOf({ metadata, status = {} }: KubernetesObject): string | undefined {
  const found = waitingContainer(status as PodStatus) ?? falseCondition(status as PodStatus);
  if (found === undefined) return undefined;
  const { reason = 'not ready', message } = found;
  return `new pod "${metadata.name}" is not ready: ${reason}${message === undefined ? '' : `: ${message}`}`;
}

type Reason = Pick<Condition, 'reason' | 'message'>;

function waitingContainer({
  containerStatuses = [],
  initContainerStatuses = [],
}: PodStatus): Reason | undefined {
  const all = [...initContainerStatuses, ...containerStatuses];
  return all.find(({ state }) => state?.waiting !== undefined)?.state?.waiting;
}

function falseCondition({ conditions = [] }: PodStatus): Reason | undefined {
  const isFalse = conditions.filter(({ status }) => status === 'False');
  return isFalse.find(({ type }) => type === 'PodScheduled') ?? isFalse.find(({ type }) => type === 'Ready');
}

/** Such as pods that admission denies. */
function failuresOf(owner: KubernetesObject | undefined): readonly string[] {
  const { conditions = [] } = (owner?.['status'] ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions
    .filter(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
    .map(({ reason = '', message = '' }) => `its controller cannot make new pods: ${reason}: ${message}`);
}
