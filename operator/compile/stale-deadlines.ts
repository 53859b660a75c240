// When a policy's setting staleWorkloads acts on a pod, and what is to be done now. In: stale pods, the setting of each
// workspace, and the time. A pod's time runs from the later of two moments, both of which are stored: when it was
// created, and when the lane of its product changed. So no restart of the operator and no other leader changes it, and
// where one of them is not known nothing is done.
import type { ClusterState, StampedPod } from '../model/cluster-state.ts';
import type { DuePod, StaleDeadlines } from '../model/due-pod.ts';
import { isKnownLane } from '../model/lane.ts';
import { makesNewPods } from '../model/pod-makers.ts';
import { isOnHostNetwork } from '../model/pod-openings.ts';
import { groupOf } from '../model/pod-owner.ts';
import { objectsOf, type Snapshot } from '../model/snapshot.ts';
import type { DeadlineAction, StaleWorkloadsSetting } from '../model/stale-workloads.ts';
import { isMoreOpen } from '../model/stamp.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { lanesOfWorkspaces, type StalePod, stalePodOf } from './stale-pods.ts';
import { type Owners, workloadOfPod } from './workload-of-pod.ts';

/** Undefined for what is no workspace, or whose policy says nothing or cannot be read. */
export type StaleSettings = (workspace: string) => StaleWorkloadsSetting | undefined;

export interface Deadline {
  readonly action: DeadlineAction;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** How long it was from the moment that counts. */
  readonly periodMs: number;
}

export const NO_DEADLINES: StaleDeadlines = {
  isolate: [],
  evict: [],
  ending: [],
  changesAtMs: undefined,
};

/** That of the policy in force. */
export function staleSettings(plans: readonly WorkspacePlan[], snapshot: Snapshot): StaleSettings {
  const policies = new Map(
    objectsOf(snapshot, 'NetworkPolicy').map(({ metadata, spec }) => [metadata.name, spec.staleWorkloads]),
  );
  const byWorkspace = new Map(plans.map(({ metadata, spec }) => [metadata.name, spec.networkPolicyId]));
  return (workspace) => policies.get(byWorkspace.get(workspace) ?? '');
}

/** Undefined where nothing will be done about the pod. */
export function deadlineOf(
  stale: StalePod,
  setting: StaleWorkloadsSetting | undefined,
): Deadline | undefined {
  const { pod, mustRestart, laneSinceMs } = stale;
  if (setting === undefined || !mustRestart || laneSinceMs === undefined || pod.createdAtMs === undefined)
    return undefined;
  const action = actionFor(stale, setting);
  if (action === undefined) return undefined;
  const periodMs = setting.afterSeconds * 1000;
  return { action, periodMs, atMs: Math.max(laneSinceMs, pod.createdAtMs) + periodMs };
}

function actionFor(
  stale: StalePod,
  { action }: Pick<StaleWorkloadsSetting, 'action'>,
): DeadlineAction | undefined {
  switch (action) {
    case 'Evict':
      return isMadeAnew(stale.pod) ? action : isolateOrNothing(stale);
    case 'Isolate':
      return isolateOrNothing(stale);
    default:
      return undefined;
  }
}

/** As who drains a node asks; what nobody knows may make none. */
function isMadeAnew({ controller }: StampedPod): boolean {
  return controller !== undefined && makesNewPods(controller);
}

/**
 * Only a stricter label than its own is any use, and in the network of its node no label is. One that has not started is
 * moved in any case (overtaken-pods.ts).
 */
function isolateOrNothing({ pod, policyLane }: StalePod): 'Isolate' | undefined {
  const { lane, hasStarted, openings } = pod;
  const canBe = hasStarted && isKnownLane(lane) && isMoreOpen(lane, policyLane) && !isOnHostNetwork(openings);
  return canBe ? 'Isolate' : undefined;
}

export function staleDeadlines(
  { snapshot, namespaces, pods }: Pick<ClusterState, 'snapshot' | 'namespaces' | 'pods'>,
  plans: readonly WorkspacePlan[],
  atMs: number,
): StaleDeadlines {
  const settingOf = staleSettings(plans, snapshot);
  const acting = plans.filter(({ metadata }) => (settingOf(metadata.name)?.action ?? 'Ignore') !== 'Ignore');
  if (acting.length === 0) return NO_DEADLINES;
  const lanes = lanesOfWorkspaces(acting, namespaces);
  const found = pods.flatMap((pod): readonly Due[] => {
    const own = lanes.get(pod.namespace);
    const stale = own && stalePodOf(pod, own, atMs);
    if (stale === undefined) return [];
    const deadline = deadlineOf(stale, settingOf(pod.namespace));
    return deadline === undefined ? [] : [{ stale, deadline }];
  });
  const later = found.flatMap(({ deadline }) => (deadline.atMs > atMs ? [deadline.atMs] : []));
  const of = (action: DeadlineAction): readonly DuePod[] =>
    found
      .filter(({ deadline }) => deadline.atMs <= atMs && deadline.action === action)
      .map(({ stale: { pod, policyLane } }) => ({ pod, policyLane, ...workloadAsSaid(pod) }));
  return {
    isolate: of('Isolate'),
    evict: of('Evict').filter(({ pod }) => pod.endsAtMs === undefined),
    ending: pods.flatMap((pod) => {
      const { namespace, endsAtMs } = pod;
      return endsAtMs === undefined || !lanes.has(namespace)
        ? []
        : [{ workload: workloadAsSaid(pod).workload, endsAtMs }];
    }),
    changesAtMs: later.length === 0 ? undefined : later.reduce((a, b) => Math.min(a, b)),
  };
}

interface Due {
  readonly stale: StalePod;
  readonly deadline: Deadline;
}

const NO_OWNERS: Owners = new Map();

function workloadAsSaid(pod: StampedPod): Pick<DuePod, 'workload' | 'workloadName' | 'canRestart'> {
  const { apiVersion, kind, name, workloadKind } = workloadOfPod(pod, NO_OWNERS);
  return {
    workload: [pod.namespace, groupOf(apiVersion), kind, name].join('/'),
    workloadName: `${kind.toLowerCase()}/${name}`,
    canRestart: workloadKind.restart.action.kind !== 'none',
  };
}
