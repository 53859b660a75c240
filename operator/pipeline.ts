// The main path on one screen: snapshot -> tables and plans -> Envoy's configuration, and in a cluster the objects for
// the API server. Pure: no I/O, no clock. Everything around it reads an input or writes these outputs.
import { type ClusterPlans, planCluster } from './compile/cluster-plans.ts';
import { expiredEntries, nextExpired } from './compile/expiries.ts';
import { ingressSteps } from './compile/ingress/ingress-plans.ts';
import { missingTables } from './compile/missing-tables.ts';
import { type OvertakenPod, overtakenPods } from './compile/overtaken-pods.ts';
import { type CompiledSnapshot, compileAhead, compileSnapshot } from './compile/plans.ts';
import { NO_PORT_BLOCKS, type PortBlockState } from './compile/port-blocks.ts';
import { NO_DEADLINES, staleDeadlines } from './compile/stale-deadlines.ts';
import { nextExpiry } from './compile/table-index.ts';
import type { ClusterState } from './model/cluster-state.ts';
import type { StaleDeadlines } from './model/due-pod.ts';
import type { EgressTable } from './model/egress-table.ts';
import type { IngressPlan } from './model/ingress-plan.ts';
import type { Snapshot } from './model/snapshot.ts';
import type { WorkspacePlan } from './model/workspace-plan.ts';
import type { EgressListener, EnvoyConfig, GatewaySettings } from './render/envoy/envoy-config.ts';
import { renderEnvoy } from './render/envoy/render-envoy.ts';
import { spreadTables } from './render/envoy/spread-table.ts';
import { NO_TUNNELS, nextTunnelMemory, type TunnelMemory } from './render/envoy/tunnel-memory.ts';
import { findBroaderPolicies } from './render/kubernetes/broader-policies/find-broader-policies.ts';
import { type ClusterObjects, clusterObjects } from './render/kubernetes/objects/cluster-objects.ts';
import type { ClusterSettings } from './render/kubernetes/objects/desired-object.ts';

/** One gateway: all inputs of its configuration but the snapshot. */
export interface Gateway {
  readonly settings: GatewaySettings;
  /** The egress listeners of each plan; the tables are those that plans name. */
  readonly egressListenersOf: (
    plans: readonly WorkspacePlan[],
    tables: readonly EgressTable[],
  ) => readonly EgressListener[];
  /** From the last outputs; without it no tunnel is open. */
  readonly tunnels?: TunnelMemory;
}

/** Compiled by the operator, watched by gateways. */
export type CompiledObjects = Pick<CompiledSnapshot, 'tables' | 'plans'>;

export interface GatewayOutputs {
  readonly egressListeners: readonly EgressListener[];
  readonly envoy: EnvoyConfig;
  /** Store it before the configuration is applied. */
  readonly tunnels: TunnelMemory;
  /** Epoch milliseconds at which an entry expires, so that the outputs change without an event. */
  readonly changesAtMs: number | undefined;
}

export interface DesiredOutputs extends CompiledSnapshot, GatewayOutputs {}

/** Embedded mode: everything on one machine. */
export function desiredOutputs(snapshot: Snapshot, gateway: Gateway, atMs: number): DesiredOutputs {
  const compiled = compileSnapshot(snapshot);
  const outputs = gatewayOutputs(compiled, gateway, atMs);
  const problems = [...compiled.problems, ...expiredEntries(snapshot, atMs)];
  return {
    ...compiled,
    ...outputs,
    problems,
    changesAtMs: earliest(outputs.changesAtMs, nextExpired(snapshot, atMs)),
  };
}

/** In a cluster the operator compiles; each gateway renders the result. */
export function gatewayOutputs(compiled: CompiledObjects, gateway: Gateway, atMs: number): GatewayOutputs {
  const { plans } = compiled;
  const tables = [...compiled.tables, ...missingTables(compiled.tables, plans)];
  const egressListeners = gateway.egressListenersOf(plans, tables);
  const tunnels = nextTunnelMemory(gateway.tunnels ?? NO_TUNNELS, spreadTables(tables, atMs), atMs);
  const laneAddresses = plans.flatMap(({ spec }) =>
    (spec.lanes ?? []).flatMap(({ serviceAddresses = [] }) => serviceAddresses),
  );
  const input = { tables, egressListeners, settings: gateway.settings, laneAddresses, atMs };
  const envoy = renderEnvoy(input, tunnels);
  const expiries = tables.flatMap((table) => nextExpiry(table.spec, atMs) ?? []);
  return {
    egressListeners,
    envoy,
    tunnels,
    changesAtMs: earliest(...expiries),
  };
}

/** Of moments in epoch milliseconds. */
export function earliest(...timesMs: readonly (number | undefined)[]): number | undefined {
  const known = timesMs.filter((timeMs) => timeMs !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** The operator's only state between passes. */
export interface OperatorMemory {
  readonly ports: PortBlockState;
  readonly plans: readonly WorkspacePlan[];
}

export const NOTHING_REMEMBERED: OperatorMemory = { ports: NO_PORT_BLOCKS, plans: [] };

export interface OperatorOutputs extends ClusterPlans, ClusterObjects {
  readonly ingressPlans: readonly IngressPlan[];
  /** Epoch milliseconds at which these change without an event. */
  readonly changesAtMs: number | undefined;
  /** Policies of others that allow a workspace more than ours, or allow others into its lanes; by workspace. */
  readonly broaderPolicies: ReadonlyMap<string, readonly string[]>;
  /** Pods that have not started and whose stamp is too open by now. */
  readonly overtaken: readonly OvertakenPod[];
  /** Pods on which their policy acts now, since they run in another lane than it gives. */
  readonly deadlines: StaleDeadlines;
}

/** All objects of a cluster; without a time no change is taken back. Status is computed from these and from the gateways' reports. */
export function operatorOutputs(
  state: ClusterState,
  settings: ClusterSettings,
  memory: OperatorMemory,
  atMs?: number,
): OperatorOutputs {
  const steps = operatorSteps(state, settings, memory, atMs);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same, with a pause after every part that takes long where there are 1,000 workspaces. */
export function* operatorSteps(
  state: ClusterState,
  settings: ClusterSettings,
  { ports, plans }: OperatorMemory,
  atMs?: number,
): Generator<void, OperatorOutputs> {
  yield* compileAhead(state.snapshot);
  const compiled = compileSnapshot(state.snapshot);
  yield;
  const clusterPlans = planCluster(compiled, state, ports, { remembered: plans, atMs });
  yield;
  const { systemNamespace } = settings;
  const ingress = yield* ingressSteps(
    state.snapshot,
    { systemNamespace, backendField: 'serviceName' },
    state.ingressPlans,
    atMs === undefined ? undefined : { atMs, callers: state.callers },
  );
  yield;
  const planned = { ...clusterPlans, ingressPlans: ingress.plans };
  const objects = clusterObjects(planned, state, settings);
  yield;
  const broaderPolicies = findBroaderPolicies({ plans: clusterPlans.plans, state, systemNamespace });
  const expired = atMs === undefined ? [] : expiredEntries(state.snapshot, atMs);
  const problems = [...clusterPlans.problems, ...ingress.problems, ...expired];
  const expiresAtMs = atMs === undefined ? undefined : nextExpired(state.snapshot, atMs);
  const deadlines = atMs === undefined ? NO_DEADLINES : staleDeadlines(state, clusterPlans.plans, atMs);
  const changesAtMs = earliest(ingress.changesAtMs, expiresAtMs, deadlines.changesAtMs);
  const overtaken = overtakenPods(state);
  return { ...planned, problems, changesAtMs, ...objects, broaderPolicies, overtaken, deadlines };
}
