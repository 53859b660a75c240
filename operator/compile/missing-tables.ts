// A plan may name a table that is missing or unreadable. Then the workspace gets a table that denies everything, and
// says why; an egress listener without routes would not.
import type { EgressTable } from '../model/egress-table.ts';
import { compareText } from '../model/snapshot.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';

/** No content has this revision, so it is never taken for one that the operator compiled. */
const MISSING_REVISION = 'missing';

/** One for each table that a plan names and that is not among `tables`. */
export function missingTables(
  tables: readonly EgressTable[],
  plans: readonly WorkspacePlan[],
): readonly EgressTable[] {
  const present = new Set(tables.map(({ metadata }) => metadata.name));
  const missing = new Map(
    plans
      .filter(({ spec }) => !present.has(spec.table))
      .map(({ spec }) => [spec.table, spec.networkPolicyId]),
  );
  return [...missing]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([name, networkPolicyId]) => ({
      kind: 'EgressTable',
      metadata: { name },
      spec: { networkPolicyId, revision: MISSING_REVISION, denyReason: 'POLICY_UNREADABLE', groups: [] },
    }));
}
