// Problems between objects that are each well formed: a policy that does not exist, an id claimed twice.
import { memoize } from '../lib/memo.ts';
import { DEFAULT_POLICY } from '../model/kubernetes-object.ts';
import type { Metastore } from '../model/metastore.ts';
import { countDestinations, type NetworkPolicy } from '../model/network-policy.ts';
import type { Problem, ProblemReason } from '../model/problem.ts';
import { faultOfZone, type ZonedEntry } from '../model/shared-zone.ts';
import {
  findObject,
  formatKey,
  isUnreadable,
  keyOf,
  type ObservedKind,
  type ObservedObject,
  objectsOf,
  type Snapshot,
} from '../model/snapshot.ts';
import { byWorkspace } from './by-workspace.ts';

export function findProblems(snapshot: Snapshot, owners: ReadonlyMap<string, string>): readonly Problem[] {
  return [
    ...conflictedWorkspaces(snapshot, owners),
    ...unknownTiers(snapshot),
    ...danglingAssignments(snapshot),
    ...missingDefault(snapshot),
    ...ignoredRules(snapshot),
    ...contestedMetastores(snapshot),
    ...endpointsWithoutRanges(snapshot),
    ...sharedZones(snapshot),
  ];
}

function conflictedWorkspaces(snapshot: Snapshot, owners: ReadonlyMap<string, string>): readonly Problem[] {
  return objectsOf(snapshot, 'Workspace')
    .filter((workspace) => owners.get(workspace.id) !== workspace.metadata.name)
    .map((workspace) => {
      const message = `Cannot use workspace id "${workspace.id}" twice: Namespace "${owners.get(workspace.id)}" has it; until one is changed this workspace reaches nothing`;
      return about(workspace, 'Conflicted', message, 'metadata.labels');
    });
}

function unknownTiers(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'Workspace')
    .filter((workspace) => workspace.unknownTier !== undefined)
    .map((workspace) => {
      const message = `Cannot accept tier "${workspace.unknownTier}": use one of "STANDARD", "PREMIUM", "ENTERPRISE"; until then it counts as ENTERPRISE`;
      return about(workspace, 'UnknownTier', message, 'metadata.labels');
    });
}

function danglingAssignments(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'PolicyAssignment').flatMap((assignment) => {
    const id = assignment.spec.networkPolicyId;
    const name = assignment.metadata.name;
    const isMissing = !exists(snapshot, 'NetworkPolicy', id);
    const noPolicy = `Cannot find NetworkPolicy "${id}": create it or assign another; until then this workspace reaches nothing`;
    const noWorkspace = `Cannot find a workspace "${name}": label the Namespace "${name}" with sallyport.dev/workspace, or name the assignment after a workspace`;
    return [
      ...(isMissing ? [about(assignment, 'NetworkPolicyNotFound', noPolicy, 'spec.networkPolicyId')] : []),
      ...(findObject(snapshot, 'Workspace', name) !== undefined
        ? []
        : [about(assignment, 'WorkspaceNotFound', noWorkspace, 'metadata.name')]),
    ];
  });
}

function missingDefault(snapshot: Snapshot): readonly Problem[] {
  if (exists(snapshot, 'NetworkPolicy', DEFAULT_POLICY)) return [];
  return objectsOf(snapshot, 'Workspace')
    .filter(({ metadata: { name } }) => !exists(snapshot, 'PolicyAssignment', name))
    .map((workspace) => {
      const message = `Cannot find NetworkPolicy "${DEFAULT_POLICY}", which applies to this workspace: create it or assign another; until then this workspace reaches nothing`;
      return about(workspace, 'NetworkPolicyNotFound', message);
    });
}

function ignoredRules(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'NetworkPolicy')
    .filter(({ spec }) => spec.egress.networkAccess.restrictionMode === 'FULL_ACCESS')
    .filter(({ spec }) => {
      const access = spec.egress.networkAccess;
      return countDestinations(access) + (access.blockedInternetDestinations?.length ?? 0) > 0;
    })
    .map((policy) => {
      const message =
        'The rules have no effect under FULL_ACCESS: set restrictionMode to RESTRICTED_ACCESS to use them';
      return about(policy, 'RulesIgnored', message, 'spec.egress.networkAccess.restrictionMode');
    });
}

function contestedMetastores(snapshot: Snapshot): readonly Problem[] {
  const metastores = byWorkspace(objectsOf(snapshot, 'Metastore'));
  return objectsOf(snapshot, 'Workspace').flatMap(({ metadata: { name } }) => {
    const claims = metastores.get(name) ?? [];
    if (claims.length < 2) return [];
    const message = `Cannot give workspace "${name}" ${claims.length} metastores: name it in one; until then none of them allows anything`;
    return claims.map((metastore) => about(metastore, 'Conflicted', message, 'spec.workspaces'));
  });
}

function endpointsWithoutRanges(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'PrivateEndpoint')
    .filter(({ spec }) => (spec.addressRanges ?? []).length === 0)
    .map((endpoint) => {
      const message =
        'The domains cannot be reached without addressRanges: add them, or list public names in the policy';
      return about(endpoint, 'RulesIgnored', message, 'spec.addressRanges');
    });
}

/** Each such entry allows nothing; the rest of its object applies. */
function sharedZones(snapshot: Snapshot): readonly Problem[] {
  const objects = [...objectsOf(snapshot, 'NetworkPolicy'), ...objectsOf(snapshot, 'Metastore')];
  return objects.flatMap((object) => zonesOf(object));
}

/** There may be many policies of 2,500 entries. */
const zonesOf = memoize((object: NetworkPolicy | Metastore): readonly Problem[] => {
  if (object.kind === 'Metastore') return zoneFaults(object, 'spec.connections', object.spec.connections);
  const path = 'spec.egress.networkAccess.allowedInternetDestinations';
  return zoneFaults(object, path, object.spec.egress.networkAccess.allowedInternetDestinations);
});

function zoneFaults(
  object: ObservedObject,
  path: string,
  entries: readonly ZonedEntry[] = [],
): readonly Problem[] {
  return entries.flatMap((entry, at) => {
    const fault = faultOfZone(entry);
    return fault === undefined ? [] : [about(object, 'SharedZone', fault, `${path}[${at}].destination`)];
  });
}

/** Readable or not. */
function exists(snapshot: Snapshot, kind: ObservedKind, name: string): boolean {
  return findObject(snapshot, kind, name) !== undefined || isUnreadable(snapshot, kind, name);
}

function about(object: ObservedObject, reason: ProblemReason, message: string, field?: string): Problem {
  return { reason, message, object: formatKey(keyOf(object)), ...(field === undefined ? {} : { field }) };
}
