// Reports and pods of gateways -> each gateway's health, and its running revisions by name.
import type { ClusterState, GatewayPod } from '../../../model/cluster-state.ts';
import { directionOf, type GatewayReport, type GatewayReportSpec } from '../../../model/gateway-report.ts';
import { compareText } from '../../../model/snapshot.ts';

/** A ready gateway that does not report for longer counts as frozen. */
const SILENT_AFTER_MS = 40_000;

/** `unreported`: its pod is ready, but it has no report yet. */
type GatewayHealth = 'ready' | 'not-ready' | 'silent' | 'unreported';

export interface ObservedGateway {
  readonly name: string;
  readonly health: GatewayHealth;
  /** Where there are no nodes, gateways run without one. */
  readonly hasPod: boolean;
  /** When it last reported; empty where it never did. */
  readonly renewTime: string;
  readonly tables: ReadonlyMap<string, RunningRevision>;
  /** By workspace; of an ingress gateway its ingress plans. */
  readonly plans: ReadonlyMap<string, RunningRevision>;
}

export type IngressFault = NonNullable<
  NonNullable<GatewayReportSpec['ingressPlans']>[number]['faults']
>[number];

export interface RunningRevision
  extends Pick<NonNullable<GatewayReportSpec['tables']>[number], 'revision' | 'rejection'> {
  readonly faults?: readonly IngressFault[] | undefined;
}

type GatewayState = Pick<ClusterState, 'gatewayReports' | 'gatewayPods'>;

/** Those of the way in, which have reports and pods of their own. */
export function observeIngressGateways(
  state: Pick<ClusterState, 'gatewayReports' | 'ingressPods'>,
  atMs: number,
): readonly ObservedGateway[] {
  const reports = state.gatewayReports.filter((report) => directionOf(report) === 'INGRESS');
  return observe(reports, state.ingressPods, atMs);
}

export function observeGateways(state: GatewayState, atMs: number): readonly ObservedGateway[] {
  const reports = state.gatewayReports.filter((report) => directionOf(report) === 'EGRESS');
  return observe(reports, state.gatewayPods, atMs);
}

/** In order of name. */
function observe(
  reports: readonly GatewayReport[],
  pods: readonly GatewayPod[],
  atMs: number,
): readonly ObservedGateway[] {
  const unreadyPods = new Set(pods.filter(({ isReady }) => !isReady).map(({ name }) => name));
  const allPods = new Set(pods.map(({ name }) => name));
  const reported = new Set(reports.map(({ metadata }) => metadata.name));
  // Such a report waits for the collector after its pod is gone.
  const isGone = ({ metadata: { name }, spec }: GatewayReport): boolean =>
    spec.denials !== undefined && !allPods.has(name);
  const reporting = reports
    .filter((report) => !isGone(report))
    .map(({ metadata: { name }, spec }) => ({
      name,
      health: unreadyPods.has(name) ? 'not-ready' : healthOf(spec, atMs),
      hasPod: allPods.has(name),
      renewTime: spec.renewTime,
      tables: new Map(spec.tables?.map((row) => [row.table, row])),
      plans: new Map((spec.ingressPlans ?? spec.plans ?? []).map((row) => [row.workspace, row])),
    }));
  const unreported = pods
    .filter(({ name, isReady }) => isReady && !reported.has(name))
    .map(({ name }) => ({
      ...{ name, health: 'unreported', hasPod: true, renewTime: '' },
      ...{ tables: new Map(), plans: new Map() },
    }));
  return ([...reporting, ...unreported] as readonly ObservedGateway[]).toSorted((a, b) =>
    compareText(a.name, b.name),
  );
}

function healthOf(spec: GatewayReportSpec, atMs: number): GatewayHealth {
  if (!spec.ready) return 'not-ready';
  return atMs > silentAt(spec) ? 'silent' : 'ready';
}

function silentAt({ renewTime }: GatewayReportSpec): number {
  return Date.parse(renewTime) + SILENT_AFTER_MS;
}

/** Epoch milliseconds at which a gateway becomes silent without a further report; undefined where none can. */
export function nextSilence(reports: readonly GatewayReport[], atMs: number): number | undefined {
  const times = reports.flatMap((report) =>
    report.spec.ready && directionOf(report) !== 'API' ? [silentAt(report.spec) + 1] : [],
  );
  const next = Math.min(...times.filter((time) => time > atMs));
  return Number.isFinite(next) ? next : undefined;
}
