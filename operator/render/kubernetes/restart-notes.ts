// What Events say of workloads that must restart, and of those that no longer must.
import type { StaleWorkload } from '../../compile/restart-plan.ts';
import { commandLines } from '../../model/command-lines.ts';
import { truncatedNote } from '../../model/event-note.ts';
import { secondOf } from '../../model/kubernetes-object.ts';
import { DEADLINE_VERBS } from '../../model/stale-workloads.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import type { NamedWorkload } from './restart-memory.ts';

/** So that what comes before it stays. */
const LONGEST_COMMAND = 600;

/** With the command, which is never cut: a part of it would be another one. */
export function requiredNote(workload: StaleWorkload, plan: WorkspacePlan): string {
  const { kind, name, product, policyLane, pods, lanes, isMoreOpen, staleSinceMs } = workload;
  const since = staleSinceMs === undefined ? '' : ` since ${secondOf(staleSinceMs)}`;
  const run = pods === 1 ? '1 of its pods runs' : `${pods} of its pods run`;
  const effect = isMoreOpen
    ? 'more open: it may reach more than it should until it restarts'
    : 'stricter: it may reach less than the policy allows until it restarts';
  const text = `${kind} "${name}" must restart. Policy ${quotedPolicy(plan)} gives product ${product} lane "${policyLane}" now; ${run} in ${nameLanes(lanes)}${since}, which is ${effect}`;
  return truncatedNote(text, `.${deadlineOf(workload)} ${whatToDo(workload)}`);
}

/** Of its pods the first; who reads it here may read no PolicyAssignment. */
function deadlineOf({ deadline }: StaleWorkload): string {
  if (deadline === undefined) return '';
  return ` The policy ${DEADLINE_VERBS[deadline.action]} what has not restarted by ${secondOf(deadline.atMs)}.`;
}

function whatToDo({ namespace, hasOpenings, commands }: StaleWorkload): string {
  const list = `kubectl sallyport restarts -n ${namespace}`;
  if (hasOpenings) {
    return `Its pods go past every lane through their node and would not start again as they are: ${list} says by what`;
  }
  const command = commandLines(commands).join(' ');
  if (command === '') return 'Restart it in the way of its kind';
  return Buffer.byteLength(command) > LONGEST_COMMAND ? `The command: ${list}` : `Command: ${command}`;
}

/** `lane`: the one that the policy gives to its product now. */
export function completedNote(
  workload: NamedWorkload,
  plan: WorkspacePlan,
  lane: string | undefined,
): string {
  const { kind, name, product, lanes } = workload;
  const isBack = lane !== undefined && lanes.includes(lane);
  return truncatedNote(
    isBack
      ? `${kind} "${name}" need not restart any more: policy ${quotedPolicy(plan)} gives product ${product} lane "${lane}" again, in which its pods run`
      : `${kind} "${name}" has restarted, or is gone: none of its pods runs in ${nameLanes(lanes)} any more`,
  );
}

/** Of those that no Event names. */
export function countedNote(rest: readonly StaleWorkload[], { metadata: { name } }: WorkspacePlan): string {
  const open = rest.filter(({ isMoreOpen }) => isMoreOpen).length;
  return `${rest.length} more ${rest.length === 1 ? 'workload' : 'workloads'} of workspace "${name}" must restart, ${open} of them in lanes more open than the policy says. There is no Event of each, as there are too many. All of them: kubectl sallyport restarts -n ${name}`;
}

export function nothingLeftNote({ metadata: { name } }: WorkspacePlan): string {
  return `No workload of workspace "${name}" has to restart any more`;
}

function quotedPolicy({ spec: { networkPolicyId } }: WorkspacePlan): string {
  return `"${networkPolicyId}"`;
}

function nameLanes(lanes: readonly string[]): string {
  return `${lanes.length > 1 ? 'lanes' : 'lane'} ${lanes.map((lane) => `"${lane}"`).join(' and ')}`;
}
