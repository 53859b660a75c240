// What the table of a workspace is made of: its policy, and the objects that name the workspace. Where one is
// missing or claimed twice, the outcome is decided here, and the Problem goes with it.
import { DEFAULT_POLICY } from '../model/kubernetes-object.ts';
import type { Metastore } from '../model/metastore.ts';
import { didYouMean } from '../model/nearest-name.ts';
import type { PolicyAssignment } from '../model/policy-assignment.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';
import type { Problem } from '../model/problem.ts';
import { findObject, isUnreadable, objectsOf, problemAbout, type Snapshot } from '../model/snapshot.ts';
import { WORKSPACE_LABEL, type Workspace } from '../model/workspace.ts';
import type { TableSources } from './egress-table.ts';
import { ownersOfIds } from './workspace-ids.ts';

export interface WorkspaceSources {
  readonly sources: TableSources;
  readonly problems: readonly Problem[];
}

export function workspaceSources(snapshot: Snapshot): (workspace: Workspace) => WorkspaceSources {
  const owners = ownersOfIds(snapshot);
  const metastores = byWorkspace(objectsOf(snapshot, 'Metastore'));
  const privateEndpoints = byWorkspace(objectsOf(snapshot, 'PrivateEndpoint'));
  return (workspace) => {
    const { name } = workspace.metadata;
    const { problems, ...policy } = assignedPolicy(snapshot, workspace);
    const claims = metastores.get(name) ?? [];
    const owner = owners.get(workspace.id);
    const isConflicted = owner !== name;
    // A workspace has one metastore; where two claim it, neither allows anything.
    const isContested = claims.length > 1;
    const sources = {
      ...policy,
      metastores: isContested ? [] : claims,
      privateEndpoints: privateEndpoints.get(name) ?? [],
    };
    return {
      sources: isConflicted ? { ...sources, denyReason: 'WORKSPACE_CONFLICTED' } : sources,
      problems: [
        ...(isConflicted ? [conflictProblem(workspace, owner)] : []),
        ...problems,
        ...(isContested ? contestProblems(name, claims) : []),
      ],
    };
  };
}

/** Stands for the policy of a workspace whose assignment cannot be read; no policy can have this name. */
export const UNKNOWN_POLICY = '(unknown)';

export interface AssignedPolicy extends Pick<TableSources, 'networkPolicyId' | 'policy' | 'denyReason'> {
  /** None where an object cannot be read: its parser has reported why. */
  readonly problems: readonly Problem[];
}

/** Of a workspace, or of what an assignment is for; those have one name. */
export function assignedPolicy(snapshot: Snapshot, of: Workspace | PolicyAssignment): AssignedPolicy {
  const { name } = of.metadata;
  if (isUnreadable(snapshot, 'PolicyAssignment', name))
    return { networkPolicyId: UNKNOWN_POLICY, denyReason: 'POLICY_UNREADABLE', problems: [] };
  // R28, R29: without an assignment the default policy.
  const assignment = findObject(snapshot, 'PolicyAssignment', name);
  const networkPolicyId = assignment?.spec.networkPolicyId ?? DEFAULT_POLICY;
  const policy = findObject(snapshot, 'NetworkPolicy', networkPolicyId);
  if (policy !== undefined) return { networkPolicyId, policy, problems: [] };
  if (isUnreadable(snapshot, 'NetworkPolicy', networkPolicyId))
    return { networkPolicyId, denyReason: 'POLICY_UNREADABLE', problems: [] };
  const which = assignment === undefined ? ', which applies to this workspace' : '';
  const names = objectsOf(snapshot, 'NetworkPolicy').map(({ metadata }) => metadata.name);
  const hint = assignment === undefined ? '' : didYouMean(networkPolicyId, names);
  const message = `Cannot find NetworkPolicy "${networkPolicyId}"${which}: create it or assign another; until then this workspace reaches nothing${hint}`;
  const field = assignment === undefined ? undefined : 'spec.networkPolicyId';
  const problem = problemAbout(assignment ?? of, 'NetworkPolicyNotFound', message, field);
  return { networkPolicyId, denyReason: 'POLICY_NOT_FOUND', problems: [problem] };
}

/** Objects that name the workspaces that they are for, by workspace, in the order given. */
function byWorkspace<Item extends Metastore | PrivateEndpoint>(
  objects: readonly Item[],
): ReadonlyMap<string, readonly Item[]> {
  const named = objects.flatMap((object) =>
    [...new Set(object.spec.workspaces)].map((workspace) => ({ workspace, object })),
  );
  const found = Map.groupBy(named, ({ workspace }) => workspace);
  return new Map([...found].map(([workspace, entries]) => [workspace, entries.map(({ object }) => object)]));
}

function conflictProblem(workspace: Workspace, owner: string | undefined): Problem {
  const message = `Cannot use workspace id "${workspace.id}" (label ${WORKSPACE_LABEL} of Namespace "${workspace.metadata.name}") twice: Namespace "${owner}" has it; until one is changed this workspace reaches nothing`;
  return problemAbout(workspace, 'Conflicted', message, 'metadata.labels');
}

function contestProblems(workspace: string, claims: readonly Metastore[]): readonly Problem[] {
  const message = `Cannot give workspace "${workspace}" ${claims.length} metastores: name it in one; until then none of them allows anything`;
  return claims.map((metastore) => problemAbout(metastore, 'Conflicted', message, 'spec.workspaces'));
}
