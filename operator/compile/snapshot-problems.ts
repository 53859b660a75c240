// What has no effect, or not the one that was meant, in objects that are each well formed. What is missing for a
// workspace is found in workspace-sources.ts.
import { memoize } from '../lib/memo.ts';
import type { Metastore } from '../model/metastore.ts';
import { didYouMean } from '../model/nearest-name.ts';
import { countDestinations, type NetworkPolicy } from '../model/network-policy.ts';
import type { Problem } from '../model/problem.ts';
import { faultOfZone, type ZonedEntry } from '../model/shared-zone.ts';
import {
  findObject,
  type ObservedObject,
  objectsOf,
  problemAbout,
  type Snapshot,
} from '../model/snapshot.ts';
import { ADOPT_ANNOTATION, ADOPT_ISOLATE } from '../model/stamp.ts';
import { assignedPolicy } from './workspace-sources.ts';

export function findProblems(snapshot: Snapshot): readonly Problem[] {
  return [
    ...unknownTiers(snapshot),
    ...unknownAdoptions(snapshot),
    ...strayAssignments(snapshot),
    ...ignoredRules(snapshot),
    ...endpointsWithoutRanges(snapshot),
    ...sharedZones(snapshot),
  ];
}

function unknownTiers(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'Workspace')
    .filter((workspace) => workspace.unknownTier !== undefined)
    .map((workspace) => {
      const message = `Cannot accept tier "${workspace.unknownTier}": use one of "STANDARD", "PREMIUM", "ENTERPRISE"; until then it counts as ENTERPRISE`;
      return problemAbout(workspace, 'UnknownTier', message, 'metadata.labels');
    });
}

function unknownAdoptions(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'Workspace').flatMap((workspace) => {
    const written = workspace.metadata.annotations?.[ADOPT_ANNOTATION];
    if (written === undefined || written === ADOPT_ISOLATE) return [];
    const message = `Cannot accept "${written}" in annotation ${ADOPT_ANNOTATION} of Namespace "${workspace.metadata.name}": write "${ADOPT_ISOLATE}", or remove it; it counts as "${ADOPT_ISOLATE}"`;
    return [problemAbout(workspace, 'UnknownAdoption', message, 'metadata.annotations')];
  });
}

/** Nobody else looks up the policy of these. */
function strayAssignments(snapshot: Snapshot): readonly Problem[] {
  const workspaces = objectsOf(snapshot, 'Workspace').map(({ metadata }) => metadata.name);
  return objectsOf(snapshot, 'PolicyAssignment').flatMap((assignment) => {
    const { name } = assignment.metadata;
    if (findObject(snapshot, 'Workspace', name) !== undefined) return [];
    const message = `Cannot find a workspace "${name}": label the Namespace "${name}" with sallyport.dev/workspace, or name the assignment after a workspace${didYouMean(name, workspaces)}`;
    const { problems } = assignedPolicy(snapshot, assignment);
    return [...problems, problemAbout(assignment, 'WorkspaceNotFound', message, 'metadata.name')];
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
      return problemAbout(policy, 'RulesIgnored', message, 'spec.egress.networkAccess.restrictionMode');
    });
}

function endpointsWithoutRanges(snapshot: Snapshot): readonly Problem[] {
  return objectsOf(snapshot, 'PrivateEndpoint')
    .filter(({ spec }) => (spec.addressRanges ?? []).length === 0)
    .map((endpoint) => {
      const message =
        'The domains cannot be reached without addressRanges: add them, or list public names in the policy';
      return problemAbout(endpoint, 'RulesIgnored', message, 'spec.addressRanges');
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
    return fault === undefined
      ? []
      : [problemAbout(object, 'SharedZone', fault, `${path}[${at}].destination`)];
  });
}
