// A PolicyAssignment -> its status, which is the status of its workspace.
import type { Verdict, Verdicts } from '../../../model/condition.ts';
import { SETTLING_MS } from '../../../model/moved-pod.ts';
import type { PolicyAssignment } from '../../../model/policy-assignment.ts';
import { enforcementOf, type WorkspacePlan } from '../../../model/workspace-plan.ts';
import { acceptedOf, sentenceOf } from './accepted.ts';
import { type FoundStatus, nameSome } from './found-status.ts';
import { NOT_USED } from './programmed.ts';
import { readyOf } from './ready.ts';
import { restartFields, restartVerdict } from './restarts.ts';
import type { StatusIndex } from './status-index.ts';

const MOST_NAMES = 10;
const NOT_STAMPED = 'The Namespace has no stamp yet: its pods are denied until then';

/** `assignment` is undefined where it cannot be read. */
export function assignmentStatus(
  name: string,
  assignment: PolicyAssignment | undefined,
  index: StatusIndex,
): FoundStatus {
  const plan = index.plans.get(name);
  const stamp = index.stamped.get(name) ?? NOT_STAMPED;
  const broaderPolicies = broaderPoliciesOf(index.broaderPolicies.get(name) ?? []);
  const verdicts: Verdicts = {
    Accepted: acceptedAssignment(name, assignment === undefined, index),
    ResolvedRefs: resolvedPolicy(assignment, index),
    Programmed: index.programmed.get(name) ?? NOT_USED,
    ...isolatedOf(name, index),
    RestartRequired: restartVerdict(index.restarts.get(name), index.unevicted.get(name)),
    ...(broaderPolicies === undefined ? {} : { BroaderPolicies: broaderPolicies }),
  };
  const ready = readyOf(verdicts, plan === undefined || stamp === true ? undefined : stamp);
  const policy =
    plan === undefined || assignment === undefined ? {} : { networkPolicyId: plan.spec.networkPolicyId };
  const restarts = plan === undefined ? {} : restartFields(index.restarts.get(name));
  return {
    verdicts: { ...verdicts, Ready: ready },
    fields: { ...workspaceFields(plan), ...policy, ...restarts },
  };
}

function workspaceFields(plan: WorkspacePlan | undefined) {
  if (plan === undefined) return {};
  const { workspaceId } = plan.spec;
  return { ...(workspaceId === '' ? {} : { workspaceId }), enforcement: enforcementOf(plan) };
}

/** Nothing where it is not measured and does not wait. */
function isolatedOf(name: string, { isolated, settling }: StatusIndex): Pick<Verdicts, 'Isolated'> {
  const untilMs = settling.get(name);
  const verdict = untilMs === undefined ? isolated.get(name) : awaitingNetwork(untilMs);
  return verdict === undefined ? {} : { Isolated: verdict };
}

function awaitingNetwork(untilMs: number): Verdict<'Isolated'> {
  const message = `Isolation waits until ${new Date(untilMs).toISOString()}: pods that ran before the Namespace became a workspace were exempted just now, which the network may follow only within ${SETTLING_MS / 1000} s. Until then no new pod may start; it goes on by itself`;
  return { status: 'False', reason: 'AwaitingNetwork', message };
}

/** Problems of the Namespace are those of the workspace, so they show here. */
function acceptedAssignment(name: string, isUnreadable: boolean, index: StatusIndex): Verdict<'Accepted'> {
  const own = index.problems.get(`PolicyAssignment/${name}`) ?? [];
  const ofWorkspace = index.problems.get(`Workspace/${name}`) ?? [];
  if (isUnreadable) return acceptedOf(own, true);
  if (index.unreadable.has(`Workspace/${name}`)) return acceptedOf(ofWorkspace, true);
  return acceptedOf([...own, ...ofWorkspace], false);
}

function resolvedPolicy(
  assignment: PolicyAssignment | undefined,
  index: StatusIndex,
): Verdict<'ResolvedRefs'> {
  if (assignment === undefined) {
    return { status: 'Unknown', reason: 'Invalid', message: 'Cannot read which NetworkPolicy it names' };
  }
  const id = assignment.spec.networkPolicyId;
  const own = index.problems.get(`PolicyAssignment/${assignment.metadata.name}`) ?? [];
  const missing = own.find(({ reason }) => reason === 'NetworkPolicyNotFound');
  if (missing !== undefined) {
    return { status: 'False', reason: 'NetworkPolicyNotFound', message: missing.message };
  }
  if (index.unreadable.has(`NetworkPolicy/${id}`)) {
    const message = `Cannot read NetworkPolicy "${id}": ${sentenceOf(index.problems.get(`NetworkPolicy/${id}`) ?? [])}`;
    return { status: 'False', reason: 'NetworkPolicyUnreadable', message };
  }
  return { status: 'True', reason: 'ResolvedRefs', message: `NetworkPolicy "${id}" exists` };
}

function broaderPoliciesOf(policies: readonly string[]): Verdict<'BroaderPolicies'> | undefined {
  if (policies.length === 0) return undefined;
  const message = `Pods may reach more than the policy says, or others may use their lanes, because of ${nameSome(policies, MOST_NAMES)}: remove what is not meant`;
  return { status: 'True', reason: 'BroaderPolicies', message };
}
