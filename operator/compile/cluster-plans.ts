// Compiled snapshot and stored plans -> the plans for gateways: lanes with their ports and addresses. A lane exists as
// long as a product takes it or a pod carries it. The plan of a former workspace is removed, with everything that
// follows from it, when its last isolated pod has gone.
import { isDeepStrictEqual } from 'node:util';
import type { ClusterState } from '../model/cluster-state.ts';
import type { EgressTable } from '../model/egress-table.ts';
import { LANES, type Lane, leadsThroughGateway } from '../model/lane.ts';
import { LANE_PORT_RANGE } from '../model/lane-port.ts';
import type { Problem } from '../model/problem.ts';
import { compareText } from '../model/snapshot.ts';
import type { WorkspacePlan } from '../model/workspace-plan.ts';
import { contentHash } from './content-hash.ts';
import { laneServiceName } from './lane-service-name.ts';
import { datedPlans, type LaneTimes } from './lane-times.ts';
import { type CompiledSnapshot } from './plans.ts';
import { allocatePortBlocks, type PortBlockState } from './port-blocks.ts';
import { type PlacedTlsPorts, placeTlsPorts, tlsPortProblems } from './tls-ports.ts';
import { withoutTakenIds } from './workspace-ids.ts';
import { UNKNOWN_POLICY } from './workspace-sources.ts';

export interface ClusterPlans extends CompiledSnapshot {
  /** Input of the next call. */
  readonly ports: PortBlockState;
}

export function planCluster(
  compiled: CompiledSnapshot,
  state: ClusterState,
  remembered: PortBlockState,
  times: LaneTimes = {},
): ClusterPlans {
  const carried = carriedLanes(state);
  const { plans, tables } = withTerminating(withLastGood(compiled, state), { state, carried });
  const lanes = new Map(plans.map((plan) => [plan.metadata.name, lanesOf(plan, carried)]));
  const workspaceOfBlock = new Map(
    plans.flatMap(({ metadata: { name } }) =>
      (lanes.get(name) ?? []).map((lane) => [blockKey(name, lane), name] as const),
    ),
  );
  const { problems, ...ports } = allocatePortBlocks(
    { blocks: knownBlocks(state.plans, remembered), quarantine: remembered.quarantine },
    [...workspaceOfBlock.keys()],
    LANE_PORT_RANGE,
  );
  const stored = new Map(state.plans.map((plan) => [plan.metadata.name, plan]));
  const place = lanePlacer(state, tables, ports);
  const placed = plans.map((plan) => ({
    plan,
    lanes: (lanes.get(plan.metadata.name) ?? []).flatMap((lane) => place(plan, lane) ?? []),
  }));
  const leftOut = placed.flatMap(({ plan: { spec }, lanes: own }) =>
    own.map(({ leftOut: portsOfTerminating }) => ({
      networkPolicyId: spec.networkPolicyId,
      ports: portsOfTerminating,
    })),
  );
  const exhausted = problems.map(({ key, message }): Problem => {
    return { reason: 'PortsExhausted', message, object: `Workspace/${workspaceOfBlock.get(key)}` };
  });
  return {
    tables,
    plans: datedPlans(
      placed.map(({ plan, lanes: own }) =>
        withLanes(
          plan,
          own.map(({ lane }) => lane),
        ),
      ),
      state.plans,
      times,
    ).map((plan) => sameAsStored(plan, stored.get(plan.metadata.name))),
    problems: [...compiled.problems, ...exhausted, ...tlsPortProblems(leftOut)],
    ports,
  };
}

type PlanLane = NonNullable<WorkspacePlan['spec']['lanes']>[number];

interface PlacedLane {
  readonly lane: PlanLane;
  readonly leftOut: PlacedTlsPorts['leftOut'];
}

/** Where a lane of a plan is, as far as possible where it was; undefined where no port was left for it. */
function lanePlacer(
  state: ClusterState,
  tables: readonly EgressTable[],
  { blocks }: PortBlockState,
): (plan: WorkspacePlan, lane: Lane) => PlacedLane | undefined {
  const stored = new Map(state.plans.map((plan) => [plan.metadata.name, plan]));
  const specs = new Map(tables.map(({ metadata, spec }) => [metadata.name, spec]));
  return ({ metadata: { name }, spec }, lane) => {
    const firstPort = blocks[blockKey(name, lane)];
    if (firstPort === undefined) return undefined;
    const known = stored.get(name)?.spec.lanes?.find((entry) => entry.lane === lane);
    const addresses = state.serviceAddresses.get(laneServiceName(name, lane)) ?? known?.serviceAddresses;
    const { tlsPorts, leftOut } = placeTlsPorts(specs.get(spec.table), lane, known?.tlsPorts ?? []);
    const further = tlsPorts.length === 0 ? {} : { tlsPorts: [...tlsPorts] };
    return { lane: { lane, firstPort, serviceAddresses: [...(addresses ?? [])], ...further }, leftOut };
  };
}

/** Lanes that running pods carry, known or not, by Namespace. Pods in lane full are not isolated. */
function carriedLanes({ pods }: ClusterState): ReadonlyMap<string, ReadonlySet<string>> {
  const carried = new Map<string, Set<string>>();
  for (const { namespace, lane } of pods) {
    if (lane === 'full') continue;
    const lanes = carried.get(namespace) ?? new Set();
    carried.set(namespace, lanes.add(lane));
  }
  return carried;
}

/**
 * Fail static for the known: where a policy or an assignment can no longer be parsed, its last compiled table stays in
 * force. It is stored in the cluster, so it outlives a restart of the operator.
 */
function withLastGood({ plans, tables, problems }: CompiledSnapshot, state: ClusterState): CompiledSnapshot {
  const unreadable = new Set(
    tables.filter(({ spec }) => spec.denyReason === 'POLICY_UNREADABLE').map(({ metadata }) => metadata.name),
  );
  if (unreadable.size === 0) return { plans, tables, problems };
  const lastGood = new Map(
    state.tables
      .filter(({ spec }) => spec.denyReason === undefined)
      .map((table) => [table.metadata.name, table]),
  );
  const stored = new Map(state.plans.map((plan) => [plan.metadata.name, plan]));
  const kept = plans.map((plan) => {
    const known = stored.get(plan.metadata.name);
    if (!unreadable.has(plan.spec.table) || !isLastGoodOf(plan, known, lastGood)) return plan;
    const { workspaceId } = plan.spec;
    return workspaceId === known.spec.workspaceId
      ? known
      : { ...known, spec: { ...known.spec, workspaceId } };
  });
  return { plans: kept, tables: tablesOf(kept, [...tables, ...lastGood.values()], unreadable), problems };
}

/** Of the same policy only: one that was never parsed denies, whatever policy the workspace had before. */
function isLastGoodOf(
  plan: WorkspacePlan,
  known: WorkspacePlan | undefined,
  lastGood: ReadonlyMap<string, EgressTable>,
): known is WorkspacePlan {
  if (known === undefined || !lastGood.has(known.spec.table)) return false;
  const { networkPolicyId } = plan.spec;
  return networkPolicyId === UNKNOWN_POLICY || networkPolicyId === known.spec.networkPolicyId;
}

/** The tables that plans name; an unreadable one gives way to its last good version. */
function tablesOf(
  plans: readonly WorkspacePlan[],
  candidates: readonly EgressTable[],
  unreadable: ReadonlySet<string>,
): readonly EgressTable[] {
  const byName = new Map<string, EgressTable>();
  for (const table of candidates) {
    const known = byName.get(table.metadata.name);
    if (known === undefined || (unreadable.has(known.metadata.name) && known.spec.denyReason !== undefined)) {
      byName.set(table.metadata.name, table);
    }
  }
  const names = [...new Set(plans.map(({ spec }) => spec.table))];
  return names.flatMap((name) => byName.get(name) ?? []);
}

/** Workspaces whose Namespace has lost its label retain plan and table until no isolated pod is left. */
function withTerminating(
  compiled: CompiledSnapshot,
  {
    state,
    carried,
  }: { readonly state: ClusterState; readonly carried: ReadonlyMap<string, ReadonlySet<string>> },
): CompiledSnapshot {
  const present = new Set(compiled.plans.map(({ metadata }) => metadata.name));
  const terminating = state.plans.filter(
    ({ metadata: { name } }) => !present.has(name) && (carried.get(name)?.size ?? 0) > 0,
  );
  if (terminating.length === 0) return compiled;
  const plans = [...compiled.plans, ...withoutTakenIds(terminating, compiled.plans)].toSorted((a, b) =>
    compareText(a.metadata.name, b.metadata.name),
  );
  return { ...compiled, plans, tables: tablesOf(plans, [...compiled.tables, ...state.tables], new Set()) };
}

function lanesOf(
  { metadata, spec }: WorkspacePlan,
  carried: ReadonlyMap<string, ReadonlySet<string>>,
): readonly Lane[] {
  const taken = new Set<string>(spec.products.map(({ lane }) => lane));
  return LANES.filter(
    (lane) => leadsThroughGateway(lane) && (taken.has(lane) || carried.get(metadata.name)?.has(lane)),
  );
}

function withLanes(plan: WorkspacePlan, lanes: NonNullable<WorkspacePlan['spec']['lanes']>): WorkspacePlan {
  const { workspaceId, networkPolicyId, table } = plan.spec;
  const products = plan.spec.products.map(({ product, lane }) => ({ product, lane }));
  const content = { workspaceId, networkPolicyId, table, products, lanes };
  return {
    kind: 'WorkspacePlan',
    metadata: { name: plan.metadata.name },
    spec: { ...content, revision: contentHash(content) },
  };
}

/** The very same object where nothing differs, so that results computed from it are reused. */
function sameAsStored(wanted: WorkspacePlan, stored: WorkspacePlan | undefined): WorkspacePlan {
  return isDeepStrictEqual(stored?.spec, wanted.spec) ? (stored ?? wanted) : wanted;
}

function blockKey(workspace: string, lane: Lane): string {
  return `${workspace}/${lane}`;
}

/**
 * Stored plans say who has which block. Blocks allocated here count besides, since the watch may not have returned them
 * yet: otherwise a workspace that sorts first would get the ports of one that has just begun to use them.
 */
function knownBlocks(
  plans: readonly WorkspacePlan[],
  remembered: PortBlockState,
): Readonly<Record<string, number>> {
  const stored = plans.flatMap(({ metadata, spec }) =>
    (spec.lanes ?? []).map(({ lane, firstPort }) => [blockKey(metadata.name, lane), firstPort] as const),
  );
  const taken = new Set(stored.map(([, firstPort]) => firstPort));
  const unseen = Object.entries(remembered.blocks).filter(([, firstPort]) => !taken.has(firstPort));
  return Object.fromEntries([...unseen, ...stored]);
}
