// The pod of one measurement, and what its status says. It has no token, no volume and no rights, ends by itself, and
// is restricted by the KubeNetworkPolicy of its Namespace, whose enforcement it measures. Admission allows the operator
// no other pod (narrow-operator.ts).
import type { KubernetesObject } from '../../../lib/kubernetes/api-object.ts';
import { type CanaryResult, parseCanaryResult } from '../../../model/canary-result.ts';
import type { IsolationFinding } from '../../../model/isolation.ts';
import { CANARY_NAME, GATEWAY_LABEL } from '../../../model/system-names.ts';
import type { CanaryTargets } from './canary-scene.ts';
import { ANY_NODE, type CanaryAnswer } from './due-nodes.ts';

/** The kubelet ends it after that. */
const DEADLINE_SECONDS = 60;

export interface CanaryPodOptions {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  /** ANY_NODE for the choice of the scheduler. */
  readonly node: string;
  readonly targets: CanaryTargets;
}

export function canaryPod({ name, namespace, image, node, targets }: CanaryPodOptions): KubernetesObject {
  const args = (option: string, all: CanaryTargets['allowed']) => all.flatMap(({ place }) => [option, place]);
  const container = {
    name: 'canary',
    image,
    args: ['canary', ...args('--allowed', targets.allowed), ...args('--denied', targets.denied)],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    // Explicit zeros: a node full of requests takes it all the same, and no default takes the place of what is left out.
    resources: {
      requests: { cpu: '0', memory: '0' },
      limits: { memory: '192Mi' },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { [GATEWAY_LABEL]: CANARY_NAME } },
    spec: {
      serviceAccountName: CANARY_NAME,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Never',
      activeDeadlineSeconds: DEADLINE_SECONDS,
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [container],
      ...(node === ANY_NODE ? {} : onlyOn(node)),
    },
  };
}

/** Whatever taints it has: the pods of workspaces that run there may tolerate them. */
function onlyOn(node: string): object {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
      },
    },
    tolerations: [{ operator: 'Exists' }],
  };
}

interface RawPod extends KubernetesObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly { readonly state?: ContainerState }[];
  };
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
}

export function nodeOf(pod: KubernetesObject): string {
  return (pod as RawPod).spec?.nodeName ?? '';
}

/** Undefined while it has not ended. */
export function answerOf(
  pod: KubernetesObject,
  targets: CanaryTargets,
  atMs: number,
): CanaryAnswer | undefined {
  const { status = {} } = pod as RawPod;
  const node = nodeOf(pod);
  const ended = stateOf(status).terminated;
  if (ended?.exitCode === 0) {
    const failureOrFinding = judge(parseCanaryResult(ended.message ?? ''), targets, { node, atMs });
    return { node, ...failureOrFinding };
  }
  if (ended === undefined && status.phase !== 'Failed') return undefined;
  const why = [status, ended ?? {}].flatMap(({ reason, message }) => [reason, message]);
  return { node, failure: `The canary pod ${onNode(node)} failed (${inWords(why) || 'without saying why'})` };
}

/** Why it has not ended, in the words of whoever keeps it waiting. */
export function waitingFor(pod: KubernetesObject): string {
  const { status = {} } = pod as RawPod;
  const { waiting } = stateOf(status);
  const unscheduled = status.conditions?.find(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'False',
  );
  const { reason, message } = waiting ?? unscheduled ?? {};
  const words = inWords([reason, message]) || `its phase is ${status.phase ?? 'unknown'}`;
  const isFull = waiting === undefined && message?.includes(NO_SLOT) === true;
  return isFull ? `${words.replace(/[.]$/, '')}; ${FREE_A_SLOT}` : words;
}

/** As the scheduler names it; nothing but another pod's end helps, since canaries evict nobody. */
const NO_SLOT = 'Too many pods';
const FREE_A_SLOT =
  'the node runs as many pods as its kubelet allows: move one to another node, or raise maxPods';

function stateOf({ containerStatuses = [] }: NonNullable<RawPod['status']>): ContainerState {
  return containerStatuses[0]?.state ?? {};
}

function inWords(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(': ');
}

type Judgement =
  | { readonly finding: IsolationFinding; readonly openForMs: number }
  | { readonly failure: string };

/** What cannot be read, or leaves a target out, proves nothing. */
function judge(
  result: CanaryResult | undefined,
  { allowed, denied }: CanaryTargets,
  { node, atMs }: { readonly node: string; readonly atMs: number },
): Judgement {
  const opened = new Map(result?.allowed.map(({ target, isOpen }) => [target, isOpen]));
  const tried = new Map(result?.denied.map(({ target, ...attempt }) => [target, attempt]));
  const through = denied.find(({ place }) => tried.get(place)?.isOpen === true);
  if (through !== undefined)
    return { finding: { atMs, reached: `${through.name} at ${through.place}` }, openForMs: 0 };
  const isWhole =
    allowed.length > 0 &&
    denied.length > 0 &&
    allowed.every(({ place }) => opened.has(place)) &&
    denied.every(({ place }) => tried.has(place));
  if (!isWhole) {
    return {
      failure: `The canary pod ${onNode(node)} left no answer that can be read: check that its image is that of the operator`,
    };
  }
  const shut = allowed.find(({ place }) => opened.get(place) !== true);
  if (shut !== undefined) {
    return {
      failure: `On node "${node}" a pod reached nothing, not even ${shut.name} at ${shut.place}, which its KubeNetworkPolicy allows: check the network of that node`,
    };
  }
  const openForMs = Math.max(...denied.map(({ place }) => tried.get(place)?.openForMs ?? 0));
  return { finding: { atMs }, openForMs };
}

export function onNode(node: string): string {
  return node === ANY_NODE ? 'on any node' : `on node "${node}"`;
}
