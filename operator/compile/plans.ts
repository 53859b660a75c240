// Snapshot -> a plan per workspace and the tables they name. Whatever is missing, unreadable or claimed twice ends in
// a table that denies everything and says why; nothing is guessed.
import type { EgressTable } from '../model/egress-table.ts';
import { DEFAULT_POLICY } from '../model/kubernetes-object.ts';
import type { NetworkPolicy } from '../model/network-policy.ts';
import type { Problem } from '../model/problem.ts';
import { PRODUCTS } from '../model/product.ts';
import { compareText, isUnreadable, objectsOf, type Snapshot } from '../model/snapshot.ts';
import type { Workspace } from '../model/workspace.ts';
import { WORKSPACE_CONF_NAME } from '../model/workspace-conf.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { contentHash } from './content-hash.ts';
import { compileEgressTable, type TableSources, tableName } from './egress-table.ts';
import { laneOf } from './lanes.ts';
import { findProblems } from './world-problems.ts';

export interface CompiledWorld {
  readonly tables: readonly EgressTable[];
  readonly plans: readonly WorkspacePlan[];
  readonly problems: readonly Problem[];
}

export function compileWorld(snapshot: Snapshot): CompiledWorld {
  const workspaces = objectsOf(snapshot, 'Workspace');
  const owners = ownersOfIds(workspaces);
  const planned = workspaces.map((workspace) => {
    const conflicted = owners.get(workspace.id) !== workspace.metadata.name;
    const sources = sourcesOf(snapshot, workspace, conflicted);
    return { plan: planOf(snapshot, workspace, sources), sources };
  });
  const tables = new Map(planned.map(({ plan, sources }) => [plan.spec.table, sources]));
  return {
    tables: [...tables.values()].map(compileEgressTable),
    plans: planned.map(({ plan }) => plan),
    problems: findProblems(snapshot, owners),
  };
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

function sourcesOf(snapshot: Snapshot, workspace: Workspace, conflicted: boolean): TableSources {
  const name = workspace.metadata.name;
  const networkPolicyId = assignedPolicy(snapshot, name);
  const found = findPolicy(snapshot, networkPolicyId);
  const isFor = (object: { spec: { workspaces?: readonly string[] | undefined } }): boolean =>
    object.spec.workspaces?.includes(name) ?? false;
  const metastores = objectsOf(snapshot, 'Metastore').filter(isFor);
  const sources: TableSources = {
    networkPolicyId: networkPolicyId ?? UNKNOWN_POLICY,
    ...found,
    // A workspace has one metastore; where two claim it, neither may widen its access.
    metastores: metastores.length === 1 ? metastores : [],
    privateEndpoints: objectsOf(snapshot, 'PrivateEndpoint').filter(isFor),
  };
  return conflicted ? { ...sources, denyReason: 'WORKSPACE_CONFLICTED' } : sources;
}

/** Stands for the policy of a workspace whose assignment cannot be read; no policy can have this name. */
const UNKNOWN_POLICY = '(unknown)';

/** R28, R29: without an assignment the default policy; undefined where the assignment cannot be read. */
function assignedPolicy(snapshot: Snapshot, workspace: string): string | undefined {
  if (isUnreadable(snapshot, 'PolicyAssignment', workspace)) return undefined;
  const assignment = objectsOf(snapshot, 'PolicyAssignment').find(
    (object) => object.metadata.name === workspace,
  );
  return assignment?.spec.networkPolicyId ?? DEFAULT_POLICY;
}

function findPolicy(snapshot: Snapshot, id: string | undefined): Pick<TableSources, 'policy' | 'denyReason'> {
  if (id === undefined) return { denyReason: 'POLICY_UNREADABLE' };
  const policy: NetworkPolicy | undefined = objectsOf(snapshot, 'NetworkPolicy').find(
    (object) => object.metadata.name === id,
  );
  if (policy !== undefined) return { policy };
  return {
    denyReason: isUnreadable(snapshot, 'NetworkPolicy', id) ? 'POLICY_UNREADABLE' : 'POLICY_NOT_FOUND',
  };
}

function planOf(snapshot: Snapshot, workspace: Workspace, sources: TableSources): WorkspacePlan {
  const conf = objectsOf(snapshot, 'WorkspaceConf').find(
    ({ metadata }) => metadata.namespace === workspace.metadata.name && metadata.name === WORKSPACE_CONF_NAME,
  );
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
