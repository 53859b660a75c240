// Policies of a cluster, as they are stored and as they are compiled, read with the rights of a person.
import pLimit from 'p-limit';
import {
  EGRESS_TABLES,
  GATEWAY_REPORTS,
  NETWORK_POLICIES,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { directionOf } from '../../model/gateway-report.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';
import { parseEgressTable, parseGatewayReport, parseWorkspacePlan } from '../../model/parse-compiled.ts';
import { parseObject } from '../../model/parse-object.ts';
import type { WorkspacePlan } from '../../model/workspace-plan.ts';
import { readAllCompiled, readCompiled } from '../shared/compiled-objects.ts';
import { type PersonApi, readOne } from '../shared/person-access.ts';
import type { WrittenPolicy } from './suggested-policy.ts';

/** As the API server has it. */
export interface StoredPolicy extends WrittenPolicy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: WrittenPolicy['metadata'] & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export interface ClusterPolicies {
  /** Of all workspaces: what is added to a policy is for all of them. */
  readonly plans: readonly WorkspacePlan[];
  /** Those of the workspaces that were asked for. */
  readonly policies: readonly NetworkPolicy[];
  readonly stored: ReadonlyMap<string, StoredPolicy>;
  /** Of these policies. */
  readonly tables: readonly EgressTable[];
  /** Those that workloads use. */
  readonly gateways: readonly string[];
}

const AT_ONCE = 8;

/** Throws with what cannot be read, and why. */
export async function readClusterPolicies(
  api: PersonApi,
  namespace: string,
  isWanted: (plan: WorkspacePlan) => boolean,
): Promise<ClusterPolicies> {
  const plans = await readAllCompiled(api, {
    resource: WORKSPACE_PLANS,
    namespace,
    parse: parseWorkspacePlan,
  });
  const atOnce = pLimit(AT_ONCE);
  const names = new Set(plans.filter(isWanted).map(({ spec }) => spec.networkPolicyId));
  const found = await atOnce.map(names, (name) => readOne(api, NETWORK_POLICIES, { name }));
  const stored = found.flatMap((policy) => (policy === undefined ? [] : [policy as StoredPolicy]));
  const concerned = plans.filter(({ spec }) => names.has(spec.networkPolicyId));
  const kind = { resource: EGRESS_TABLES, namespace, parse: parseEgressTable };
  const tables = await atOnce.map(new Set(concerned.map(({ spec }) => spec.table)), (name) =>
    readCompiled(api, kind, name),
  );
  const reports = await readAllCompiled(api, {
    ...{ resource: GATEWAY_REPORTS, namespace },
    parse: parseGatewayReport,
  });
  return {
    gateways: reports
      .filter((report) => directionOf(report) === 'EGRESS')
      .map(({ metadata }) => metadata.name),
    plans,
    policies: stored.flatMap(parsedPolicy),
    stored: new Map(stored.map((policy) => [policy.metadata.name, policy])),
    tables: tables.flatMap((table) => table ?? []),
  };
}

function parsedPolicy(stored: StoredPolicy): readonly NetworkPolicy[] {
  const parsed = parseObject(stored);
  return parsed.status === 'parsed' && parsed.object.kind === 'NetworkPolicy' ? [parsed.object] : [];
}
