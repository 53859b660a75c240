// Snapshot -> a plan per workspace and the tables they name. Whatever is missing, unreadable or claimed twice becomes a
// table that denies everything and says why; nothing is guessed.
import type { EgressTable } from '../model/egress-table.ts';
import type { Problem } from '../model/problem.ts';
import { PRODUCTS } from '../model/product.ts';
import { findObject, objectsOf, type Snapshot } from '../model/snapshot.ts';
import type { Workspace } from '../model/workspace.ts';
import { WORKSPACE_CONF_NAME } from '../model/workspace-conf.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { contentHash } from './content-hash.ts';
import { keyedGroups } from './destination-groups.ts';
import { compileEgressTable, type TableSources, tableName } from './egress-table.ts';
import { laneOf } from './lanes.ts';
import { findProblems } from './snapshot-problems.ts';
import { ownId } from './workspace-ids.ts';
import { workspaceSources } from './workspace-sources.ts';

export interface CompiledSnapshot {
  readonly tables: readonly EgressTable[];
  readonly plans: readonly WorkspacePlan[];
  readonly problems: readonly Problem[];
}

export function compileSnapshot(snapshot: Snapshot): CompiledSnapshot {
  const sourcesOf = workspaceSources(snapshot);
  const planned = objectsOf(snapshot, 'Workspace').map((workspace) => {
    const { sources, problems } = sourcesOf(workspace);
    return { plan: planOf(snapshot, workspace, sources), sources, problems };
  });
  const tables = new Map(planned.map(({ plan, sources }) => [plan.spec.table, sources]));
  return {
    tables: [...tables.values()].map(compileEgressTable),
    plans: planned.map(({ plan }) => plan),
    problems: [...planned.flatMap(({ problems }) => problems), ...findProblems(snapshot)],
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

function planOf(snapshot: Snapshot, workspace: Workspace, sources: TableSources): WorkspacePlan {
  const conf = findObject(snapshot, 'WorkspaceConf', WORKSPACE_CONF_NAME, workspace.metadata.name);
  const settings = {
    policy: sources.denyReason === undefined ? sources.policy : undefined,
    tier: workspace.tier,
    udfNetworkAccess: conf?.spec.enableUdfNetworkAccess ?? false,
  };
  const content = {
    workspaceId: ownId(snapshot, workspace),
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
