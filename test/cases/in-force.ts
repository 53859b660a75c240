// Whether the API server's objects say that a compiled snapshot is in force on a gateway: the operator has written
// exactly these tables and plans, the gateway reports to run them, and every workspace is Programmed.
import { isDeepStrictEqual } from 'node:util';
import type { CompiledSnapshot } from '../../operator/compile/plans.ts';
import { storedConditions } from '../../operator/model/condition.ts';
import type { EgressTable } from '../../operator/model/egress-table.ts';
import type { GatewayReport } from '../../operator/model/gateway-report.ts';
import type { PolicyAssignment } from '../../operator/model/policy-assignment.ts';
import type { WorkspacePlan } from '../../operator/model/workspace-plan.ts';

export type StoredObject = EgressTable | WorkspacePlan | GatewayReport | PolicyAssignment;

/** What is missing, a sentence for each; empty when all is in force. */
export function missingOf(
  { tables, plans }: CompiledSnapshot,
  stored: readonly StoredObject[],
  gateway: string,
): readonly string[] {
  const find = (kind: string, name: string) =>
    stored.find((object) => object.kind === kind && object.metadata.name === name);
  const report = (find('GatewayReport', gateway) as GatewayReport | undefined)?.spec;
  const ofTables = tables.flatMap(({ metadata: { name }, spec: { revision } }) => {
    const table = find('EgressTable', name) as EgressTable | undefined;
    const running = report?.tables?.find((row) => row.table === name);
    return [
      ...unless(table?.spec.revision === revision, `EgressTable ${name} is not ${revision}`),
      ...unless(running?.revision === revision, `${gateway} does not run table ${name}`),
    ];
  });
  const ofPlans = plans.flatMap(({ metadata: { name }, spec }) => {
    const plan = (find('WorkspacePlan', name) as WorkspacePlan | undefined)?.spec;
    const running = report?.plans?.find((row) => row.workspace === name);
    const programmed = programmedOf(find('PolicyAssignment', name));
    return [
      ...unless(isSamePlan(plan, spec), `WorkspacePlan ${name} is ${JSON.stringify(plan)}`),
      ...unless(running?.revision === plan?.revision, `${gateway} does not run plan ${name}`),
      ...unless(programmed.startsWith('True'), `${name} is not Programmed: ${programmed}`),
    ];
  });
  return [...ofTables, ...ofPlans];
}

function unless(holds: boolean, sentence: string): readonly string[] {
  return holds ? [] : [sentence];
}

function programmedOf(object: StoredObject | undefined): string {
  const { status } = (object ?? {}) as { readonly status?: unknown };
  const condition = storedConditions(status).find(({ type }) => type === 'Programmed');
  return condition === undefined ? 'nothing is said' : `${condition.status} ${condition.message}`;
}

/** Lanes, and with them the revision, are the cluster's own, as is since when a product has its lane. */
function isSamePlan(plan: WorkspacePlan['spec'] | undefined, wanted: WorkspacePlan['spec']): boolean {
  const content = ({ workspaceId, networkPolicyId, table, products }: WorkspacePlan['spec']) => ({
    ...{ workspaceId, networkPolicyId, table },
    products: products.map(({ product, lane }) => ({ product, lane })),
  });
  return plan !== undefined && isDeepStrictEqual(content(plan), content(wanted));
}
