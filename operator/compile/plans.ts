// Snapshot -> a plan per workspace and the tables they name. Whatever is missing, unreadable or claimed twice becomes a
// table that denies everything and says why; nothing is guessed.
import type { EgressTable } from '../model/egress-table.ts';
import { DEFAULT_POLICY } from '../model/kubernetes-object.ts';
import type { Problem } from '../model/problem.ts';
import { PRODUCTS } from '../model/product.ts';
import { compareText, findObject, isUnreadable, objectsOf, type Snapshot } from '../model/snapshot.ts';
import type { Workspace } from '../model/workspace.ts';
import { WORKSPACE_CONF_NAME } from '../model/workspace-conf.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { byWorkspace } from './by-workspace.ts';
import { contentHash } from './content-hash.ts';
import { keyedGroups } from './destination-groups.ts';
import { compileEgressTable, type TableSources, tableName } from './egress-table.ts';
import { laneOf } from './lanes.ts';
import { findProblems } from './snapshot-problems.ts';

export interface CompiledSnapshot {
  readonly tables: readonly EgressTable[];
  readonly plans: readonly WorkspacePlan[];
  readonly problems: readonly Problem[];
}

export function compileSnapshot(snapshot: Snapshot): CompiledSnapshot {
  const workspaces = objectsOf(snapshot, 'Workspace');
  const owners = ownersOfIds(workspaces);
  const impliedFor = impliedObjects(snapshot);
  const planned = workspaces.map((workspace) => {
    const { name } = workspace.metadata;
    const found = { ...policyFor(snapshot, name), ...impliedFor(name) };
    const sources: TableSources =
      owners.get(workspace.id) === name ? found : { ...found, denyReason: 'WORKSPACE_CONFLICTED' };
    return { plan: planOf(snapshot, workspace, sources), sources };
  });
  const tables = new Map(planned.map(({ plan, sources }) => [plan.spec.table, sources]));
  return {
    tables: [...tables.values()].map(compileEgressTable),
    plans: planned.map(({ plan }) => plan),
    problems: findProblems(snapshot, owners),
  };
}

/**
 * The slow part of compileSnapshot(), in steps, for callers that must not block while 50,000 names are parsed for the
 * first time: compileSnapshot() reuses its results, as long as the objects are the same.
 */
export function* compileAhead(snapshot: Snapshot): Generator<void> {
  for (const kind of ['NetworkPolicy', 'Metastore', 'PrivateEndpoint'] as const) {
    for (const object of objectsOf(snapshot, kind)) {
      keyedGroups(object);
      yield;
    }
  }
}

/** The oldest Namespace with an id owns it; every later one is conflicted. */
export function ownersOfIds(workspaces: readonly Workspace[]): ReadonlyMap<string, string> {
  const byAge = workspaces.toSorted((a, b) =>
    compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''),
  );
  const owners = new Map<string, string>();
  for (const workspace of byAge) {
    if (!owners.has(workspace.id)) owners.set(workspace.id, workspace.metadata.name);
  }
  return owners;
}

function impliedObjects(
  snapshot: Snapshot,
): (workspace: string) => Pick<TableSources, 'metastores' | 'privateEndpoints'> {
  const metastores = byWorkspace(objectsOf(snapshot, 'Metastore'));
  const privateEndpoints = byWorkspace(objectsOf(snapshot, 'PrivateEndpoint'));
  return (workspace) => {
    const claims = metastores.get(workspace) ?? [];
    return {
      // A workspace has one metastore; where two claim it, neither allows anything.
      metastores: claims.length === 1 ? claims : [],
      privateEndpoints: privateEndpoints.get(workspace) ?? [],
    };
  };
}

/** Stands for the policy of a workspace whose assignment cannot be read; no policy can have this name. */
export const UNKNOWN_POLICY = '(unknown)';

function policyFor(
  snapshot: Snapshot,
  workspace: string,
): Pick<TableSources, 'networkPolicyId' | 'policy' | 'denyReason'> {
  if (isUnreadable(snapshot, 'PolicyAssignment', workspace))
    return { networkPolicyId: UNKNOWN_POLICY, denyReason: 'POLICY_UNREADABLE' };
  // R28, R29: without an assignment the default policy.
  const assignment = findObject(snapshot, 'PolicyAssignment', workspace);
  const networkPolicyId = assignment?.spec.networkPolicyId ?? DEFAULT_POLICY;
  const policy = findObject(snapshot, 'NetworkPolicy', networkPolicyId);
  if (policy !== undefined) return { networkPolicyId, policy };
  const denyReason = isUnreadable(snapshot, 'NetworkPolicy', networkPolicyId)
    ? 'POLICY_UNREADABLE'
    : 'POLICY_NOT_FOUND';
  return { networkPolicyId, denyReason };
}

function planOf(snapshot: Snapshot, workspace: Workspace, sources: TableSources): WorkspacePlan {
  const conf = findObject(snapshot, 'WorkspaceConf', WORKSPACE_CONF_NAME, workspace.metadata.name);
  const settings = {
    policy: sources.denyReason === undefined ? sources.policy : undefined,
    tier: workspace.tier,
    udfNetworkAccess: conf?.spec.enableUdfNetworkAccess ?? false,
  };
  const content = {
    workspaceId: workspace.id,
    networkPolicyId: sources.networkPolicyId,
    table: tableName(sources),
    products: PRODUCTS.map((product) => ({ product, lane: laneOf(product, settings) })),
  };
  return {
    kind: 'WorkspacePlan',
    metadata: { name: workspace.metadata.name },
    spec: { ...content, revision: contentHash(content) },
  };
}
