// Everything that statuses are computed from, looked up by name: built once per run, since every object asks.
import type { CompiledSnapshot } from '../../../compile/plans.ts';
import { restartPlan, type WorkspaceRestarts } from '../../../compile/restart-plan.ts';
import { staleSettings } from '../../../compile/stale-deadlines.ts';
import { lanesOfWorkspaces } from '../../../compile/stale-pods.ts';
import type { Owners } from '../../../compile/workload-of-pod.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import type { Verdict } from '../../../model/condition.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import type { IsolationMeasurements } from '../../../model/isolation.ts';
import type { ListHitsReport } from '../../../model/list-hits-report.ts';
import type { Problem } from '../../../model/problem.ts';
import { formatKey } from '../../../model/snapshot.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { observeGateways, observeIngressGateways } from './gateway-health.ts';
import { type Isolated, isolatedWorkspaces } from './isolated.ts';
import { reportedHits } from './list-hits.ts';
import { type Programmed, programmedWorkspaces } from './programmed.ts';
import { programmedIngress, resolvedIngress } from './programmed-ingress.ts';

export interface StatusInput {
  readonly state: ClusterState;
  /** With the plans and tables that the gateways get. */
  readonly compiled: CompiledSnapshot & { readonly ingressPlans: readonly IngressPlan[] };
  /** Names of broader policies, by workspace. */
  readonly broaderPolicies: ReadonlyMap<string, readonly string[]>;
  /** By workspace: true once pods may start there, or what it waits for. Absent counts as not stamped. */
  readonly stamped: ReadonlyMap<string, true | string>;
  /** Workspaces whose isolation waits, with the epoch milliseconds until which it does. */
  readonly settling: ReadonlyMap<string, number>;
  /** By workspace: why pods were not evicted at their deadline. */
  readonly unevicted?: ReadonlyMap<string, string> | undefined;
  /** Undefined: it is not measured whether the network enforces isolation. */
  readonly isolation?: IsolationMeasurements | undefined;
  /** Of pods whose owners somebody has followed; may be empty. */
  readonly owners: Owners;
  readonly atMs: number;
}

export interface StatusIndex extends Pick<StatusInput, 'broaderPolicies' | 'stamped' | 'settling'> {
  readonly unevicted: ReadonlyMap<string, string>;
  /** By key of the object. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  /** Keys. */
  readonly unreadable: ReadonlySet<string>;
  /** By workspace. */
  readonly plans: ReadonlyMap<string, WorkspacePlan>;
  readonly plansByPolicy: ReadonlyMap<string, readonly WorkspacePlan[]>;
  /** By workspace, where pods are not in the lane of their product. */
  readonly restarts: ReadonlyMap<string, WorkspaceRestarts>;
  /** By workspace. */
  readonly programmed: ReadonlyMap<string, Programmed>;
  /** By workspace; empty where it is not measured. */
  readonly isolated: ReadonlyMap<string, Isolated>;
  /** By Namespace. */
  readonly ingressPlans: ReadonlyMap<string, IngressPlan>;
  readonly programmedIngress: ReadonlyMap<string, Programmed>;
  readonly resolvedIngress: ReadonlyMap<string, Verdict<'ResolvedRefs'>>;
  /** By key of list-hits.ts. */
  readonly hits: ReadonlyMap<string, readonly ListHitsReport[]>;
}

const NONE_UNEVICTED: ReadonlyMap<string, string> = new Map();

export function indexStatusInput({
  state,
  compiled,
  broaderPolicies,
  stamped,
  settling,
  isolation,
  owners,
  unevicted = NONE_UNEVICTED,
  atMs,
}: StatusInput): StatusIndex {
  const problems = [...state.problems, ...compiled.problems];
  const ingressGateways = observeIngressGateways(state, atMs);
  return {
    broaderPolicies,
    stamped,
    settling,
    unevicted,
    problems: Map.groupBy(problems, ({ object }) => object ?? ''),
    unreadable: new Set(state.snapshot.unreadable.map(formatKey)),
    plans: new Map(compiled.plans.map((plan) => [plan.metadata.name, plan])),
    plansByPolicy: Map.groupBy(compiled.plans, ({ spec }) => spec.networkPolicyId),
    restarts: restartsOf({ state, compiled, owners, atMs }),
    programmed: programmedWorkspaces(compiled, observeGateways(state, atMs)),
    isolated:
      isolation === undefined
        ? new Map()
        : isolatedWorkspaces({ plans: compiled.plans, state, isolation, atMs }),
    ingressPlans: new Map(compiled.ingressPlans.map((plan) => [plan.metadata.name, plan])),
    programmedIngress: programmedIngress(compiled.ingressPlans, ingressGateways),
    resolvedIngress: resolvedIngress(compiled.ingressPlans, ingressGateways),
    hits: reportedHits(state.gatewayReports, state.apiHits),
  };
}

function restartsOf({ state, compiled, owners, atMs }: RestartsInput): StatusIndex['restarts'] {
  const { plans } = compiled;
  const lanes = lanesOfWorkspaces(plans, state.namespaces);
  return restartPlan({
    pods: state.pods,
    lanesOf: (workspace) => lanes.get(workspace),
    settingOf: staleSettings(plans, state.snapshot),
    ...{ owners, atMs },
  });
}

type RestartsInput = Pick<StatusInput, 'state' | 'compiled' | 'owners' | 'atMs'>;
