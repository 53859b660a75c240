// The restarts that workspaces need -> the condition RestartRequired and the fields beside it, of each workspace and of a
// policy over all of its workspaces. Times are moments, and never ages: at rest nothing changes.
import type { StaleWorkload, WorkspaceRestarts } from '../../../compile/restart-plan.ts';
import { commandLines } from '../../../model/command-lines.ts';
import type { Verdict } from '../../../model/condition.ts';
import { secondOf } from '../../../model/kubernetes-object.ts';
import { SETTLING_MS } from '../../../model/moved-pod.ts';
import { MOST_STALE_WORKLOADS, type StatedWorkload } from '../../../model/policy-assignment.ts';
import { compareText } from '../../../model/snapshot.ts';
import { DEADLINE_VERBS } from '../../../model/stale-workloads.ts';
import { type FoundStatus, nameSome } from './found-status.ts';

type RestartRequired = Verdict<'RestartRequired'>;

const MOST_NAMES = 10;
/** Half of a command would be another command. */
const LONGEST_COMMAND = 1024;

const NOTHING: RestartRequired = {
  status: 'False',
  reason: 'NothingToRestart',
  message: 'Every pod is in the lane that the policy gives to its product',
};

/** `unevicted` says why pods were not evicted at their deadline. */
export function restartVerdict(
  restarts: WorkspaceRestarts | undefined,
  unevicted?: string | undefined,
): RestartRequired {
  if (restarts === undefined) return NOTHING;
  const { workloads, moreOpenPods } = restarts;
  const deadline = [...deadlineOf(restarts), ...(unevicted === undefined ? [] : [unevicted])];
  const stricter = workloads.filter(({ isMoreOpen }) => !isMoreOpen);
  if (moreOpenPods === 0) {
    const parts = [`${stricterOf(stricter)}: restart ${nameWorkloads(stricter)}`, ...deadline];
    return { status: 'True', reason: 'StricterPodsRunning', message: parts.join('. ') };
  }
  const due = workloads.filter((one) => one.isMoreOpen && !one.hasOpenings);
  const parts = [
    `Pods run in lanes more open than the policy says (${byLane(restarts)})${due.length === 0 ? '' : `: restart ${nameWorkloads(due)}`}`,
    ...deadline,
    ...settlingOf(restarts),
    ...pastOf(restarts),
    ...(stricter.length === 0
      ? []
      : [`Besides, restart what runs in stricter lanes: ${nameWorkloads(stricter)}`]),
  ];
  return { status: 'True', reason: 'MoreOpenPodsRunning', message: parts.join('. ') };
}

/** Left out where nothing is to be said. */
export function restartFields(restarts: WorkspaceRestarts | undefined): FoundStatus['fields'] {
  const workloads = restarts?.workloads ?? [];
  const staleWorkloads = workloads.slice(0, MOST_STALE_WORKLOADS).map(statedWorkload);
  return {
    restartRequired: workloads.length,
    ...(staleWorkloads.length === 0 ? {} : { staleWorkloads }),
  };
}

/** Of all workspaces of a policy, by name. */
export function policyRestartVerdict(restarts: ReadonlyMap<string, WorkspaceRestarts>): RestartRequired {
  if (restarts.size === 0) return NOTHING;
  const open = [...restarts].filter(([, { moreOpenPods }]) => moreOpenPods > 0);
  const counted = open.length > 0 ? open : [...restarts];
  const names = counted.map(([name]) => name).toSorted(compareText);
  const direction = open.length > 0 ? 'more open' : 'stricter';
  const message = `Pods run in lanes ${direction} than the policy says, in ${names.length} of its workspaces: ${nameSome(names)}. Their PolicyAssignments say which workloads have to restart`;
  const reason = open.length > 0 ? 'MoreOpenPodsRunning' : 'StricterPodsRunning';
  return { status: 'True', reason, message };
}

/** Isolated ones have the lane of the policy, and do not reach what it allows. */
function stricterOf(stricter: readonly StaleWorkload[]): string {
  const isolated = stricter.reduce((sum, { isolatedPods }) => sum + isolatedPods, 0);
  const all = podCount(stricter);
  if (isolated === all) return `Pods were isolated at the deadline of the policy (${podsOf(stricter)})`;
  const others = `Pods run in lanes stricter than the policy says (${podsOf(stricter)}`;
  return isolated === 0 ? `${others})` : `${others}, of which ${isolated} were isolated at a deadline)`;
}

/** Of each action the first; what does not change while time passes. */
function deadlineOf({ deadlines }: WorkspaceRestarts): readonly string[] {
  const firsts = ['Evict', 'Isolate']
    .flatMap((wanted) => deadlines.find(({ action }) => action === wanted) ?? [])
    .toSorted((a, b) => a.atMs - b.atMs);
  return firsts.map(({ action, atMs, pods }) => {
    // A policy that evicts isolates what no known controller makes again.
    const isOfEvict = action === 'Isolate' && firsts.length > 1;
    const who = isOfEvict
      ? 'those of them without a controller that makes new ones'
      : 'those that have not restarted';
    return `From ${secondOf(atMs)} on the policy ${DEADLINE_VERBS[action]} ${who} (${countOf(pods)})`;
  });
}

function byLane({ moreOpenByLane }: WorkspaceRestarts): string {
  return [...moreOpenByLane].map(([lane, count]) => `${count} in lane "${lane}"`).join(', ');
}

function podsOf(workloads: readonly StaleWorkload[]): string {
  return countOf(podCount(workloads));
}

function podCount(workloads: readonly StaleWorkload[]): number {
  return workloads.reduce((sum, { pods }) => sum + pods, 0);
}

function countOf(pods: number): string {
  return `${pods} ${pods === 1 ? 'pod' : 'pods'}`;
}

/** `Deployment "etl" (2 pods since 2027-01-31T00:00:00Z), Job "load" (1 pod) and 3 more`. */
function nameWorkloads(workloads: readonly StaleWorkload[]): string {
  const shown = workloads.slice(0, MOST_NAMES).map(nameOf);
  const more = workloads.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function nameOf(workload: StaleWorkload): string {
  const { kind, name, staleSinceMs } = workload;
  const since = staleSinceMs === undefined ? '' : ` since ${secondOf(staleSinceMs)}`;
  return `${kind} "${name}" (${podsOf([workload])}${since})`;
}

function settlingOf({ settlingPods }: WorkspaceRestarts): readonly string[] {
  if (settlingPods === 0) return [];
  return [
    `Of these, ${settlingPods} got a stricter lane just now, which the network may follow only within ${SETTLING_MS / 1000} s`,
  ];
}

/** Restarted as they are, they would be denied. */
function pastOf({ past }: WorkspaceRestarts): readonly string[] {
  if (past.length === 0) return [];
  const more = past.length > MOST_NAMES ? ` and ${past.length - MOST_NAMES} more` : '';
  return [
    `Through their node these go past every lane, and count as in lane "full": ${past.slice(0, MOST_NAMES).join('; ')}${more}. Leave that out, or run them in a Namespace that is no workspace`,
  ];
}

function statedWorkload(workload: StaleWorkload): StatedWorkload {
  const { kind, name, product, pods, lanes, isMoreOpen, policyLane, staleSinceMs, commands } = workload;
  const { isolatedPods, deadline } = workload;
  const command = commandLines(commands).join('\n');
  return {
    ...{ kind, name, product, pods, policyLane },
    lane: (isMoreOpen ? lanes[0] : lanes.at(-1)) ?? '',
    ...(staleSinceMs === undefined ? {} : { since: secondOf(staleSinceMs) }),
    ...(isolatedPods === 0 ? {} : { isolated: isolatedPods }),
    ...(deadline === undefined ? {} : { deadline: secondOf(deadline.atMs), deadlineAction: deadline.action }),
    ...(command === '' || command.length > LONGEST_COMMAND ? {} : { command }),
  };
}
