// The observed cluster and what was compiled from it -> the statuses that differ from those stored, and when they
// change by themselves. Objects without a place in ClusterState.statuses do not exist on the API server.
import type { WorkspaceRestarts } from '../../../compile/restart-plan.ts';
import { nextSettled } from '../../../compile/stale-pods.ts';
import { countDestinations, type NetworkPolicy } from '../../../model/network-policy.ts';
import { formatKey, keyOf, type ObjectKey, type ObservedObject } from '../../../model/snapshot.ts';
import { acceptedOf } from './accepted.ts';
import { assignmentStatus } from './assignment-status.ts';
import { deadlineFields, nextStage } from './deadlines.ts';
import { expiryFields, nextExpiryNews } from './expiries.ts';
import type { FoundStatus } from './found-status.ts';
import { nextSilence } from './gateway-health.ts';
import { confStatus, listStatus } from './ingress-status.ts';
import { nextStale } from './isolated.ts';
import { programmedTogether } from './programmed.ts';
import { readyOf } from './ready.ts';
import { policyRestartVerdict } from './restarts.ts';
import { indexStatusInput, type StatusIndex, type StatusInput } from './status-index.ts';
import { type WantedStatus, wantedStatus } from './wanted-status.ts';

export interface RenderedStatuses {
  readonly statuses: readonly WantedStatus[];
  /**
   * Epoch milliseconds at which a gateway becomes silent, an expiry is news, a measurement no longer counts, a pod
   * has settled in its lane, or its deadline comes nearer.
   */
  readonly changesAtMs: number | undefined;
  /** By workspace, where pods are not in the lane of their product. */
  readonly restarts: ReadonlyMap<string, WorkspaceRestarts>;
}

export function renderStatuses(input: StatusInput): RenderedStatuses {
  const { state, atMs } = input;
  const index = indexStatusInput(input);
  const readable = state.snapshot.objects.map((object) => ({ key: keyOf(object), object }));
  const unreadable = state.snapshot.unreadable.map((key) => ({ key, object: undefined }));
  const statuses = [...readable, ...unreadable].flatMap(({ key, object }) => {
    const stored = state.statuses.get(formatKey(key));
    const found = stored && findStatus(key, object, { index, stored: stored.status });
    if (stored === undefined || found === undefined) return [];
    const expiries = expiryFields(object, stored.status, atMs);
    const deadlines =
      key.kind === 'PolicyAssignment'
        ? deadlineFields(index.restarts.get(key.name), stored.status, atMs)
        : {};
    const full = { ...found, fields: { ...found.fields, ...expiries, ...deadlines } };
    return wantedStatus({ object: key, stored }, full, atMs) ?? [];
  });
  const times = [
    nextSilence(state.gatewayReports, atMs),
    nextExpiryNews(state.snapshot.objects, atMs),
    nextSettled(state.pods, atMs),
    nextStage(index.restarts, atMs),
    input.isolation === undefined ? undefined : nextStale(input.isolation, atMs),
  ];
  const next = Math.min(...times.filter((timeMs) => timeMs !== undefined));
  return { statuses, changesAtMs: Number.isFinite(next) ? next : undefined, restarts: index.restarts };
}

interface Around {
  readonly index: StatusIndex;
  readonly stored: unknown;
}

/** Undefined for a Namespace, whose status is not ours: the state of a workspace is in its PolicyAssignment. */
function findStatus(
  key: ObjectKey,
  object: ObservedObject | undefined,
  { index, stored }: Around,
): FoundStatus | undefined {
  switch (key.kind) {
    case 'Workspace':
      return undefined;
    case 'NetworkPolicy':
      return policyStatus(key.name, ofKind(object, key.kind), index);
    case 'PolicyAssignment':
      return assignmentStatus(key.name, ofKind(object, key.kind), index);
    case 'IpAccessList':
      return listStatus({ ...key, stored }, ofKind(object, key.kind), index);
    case 'WorkspaceConf':
      return confStatus(key, ofKind(object, key.kind), index);
    default:
      return inputStatus(key, object, index);
  }
}

function ofKind<Kind extends ObservedObject['kind']>(
  object: ObservedObject | undefined,
  kind: Kind,
): Extract<ObservedObject, { kind: Kind }> | undefined {
  return object?.kind === kind ? (object as Extract<ObservedObject, { kind: Kind }>) : undefined;
}

/** Kinds that workspaces use; their effect shows at the workspace. */
function inputStatus(key: ObjectKey, object: ObservedObject | undefined, index: StatusIndex): FoundStatus {
  const problems = index.problems.get(formatKey(key)) ?? [];
  return { verdicts: { Accepted: acceptedOf(problems, object === undefined) }, fields: {} };
}

/** `policy` is undefined where it cannot be read. */
function policyStatus(name: string, policy: NetworkPolicy | undefined, index: StatusIndex): FoundStatus {
  const plans = index.plansByPolicy.get(name) ?? [];
  const restarts = new Map(
    plans.flatMap(({ metadata }) => {
      const found = index.restarts.get(metadata.name);
      return found === undefined ? [] : [[metadata.name, found] as const];
    }),
  );
  const verdicts = {
    Accepted: acceptedOf(index.problems.get(`NetworkPolicy/${name}`) ?? [], policy === undefined),
    Programmed: programmedTogether(plans, index.programmed),
  };
  const destinations =
    policy === undefined ? {} : { destinations: countDestinations(policy.spec.egress.networkAccess) };
  return {
    // Whoever changes a policy does not wait until every workspace has restarted.
    verdicts: {
      ...verdicts,
      RestartRequired: policyRestartVerdict(restarts),
      Ready: readyOf(verdicts),
    },
    fields: { ...destinations, workspaces: plans.length, restartRequired: workloadCount(restarts) },
  };
}

function workloadCount(restarts: ReadonlyMap<string, WorkspaceRestarts>): number {
  return [...restarts.values()].reduce((sum, { workloads }) => sum + workloads.length, 0);
}
