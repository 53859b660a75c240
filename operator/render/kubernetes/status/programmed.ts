// Plans, tables and gateways -> whether a workspace, or everything under a policy, is in force. True only when every
// ready gateway runs exactly the wanted revisions; it does not wait for a gateway that stopped in order, but for a
// frozen one.
import type { CompiledSnapshot } from '../../../compile/plans.ts';
import type { Verdict } from '../../../model/condition.ts';
import { GATEWAY_NAME, INGRESS_NAME } from '../../../model/system-names.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { nameSome } from './found-status.ts';
import type { ObservedGateway, RunningRevision } from './gateway-health.ts';

export type Programmed = Verdict<'Programmed'>;

export const PROGRAMMED: Programmed = {
  status: 'True',
  reason: 'Programmed',
  message: 'Every ready gateway runs it',
};

/** There is nothing to run. */
export const NOT_USED: Programmed = {
  status: 'Unknown',
  reason: 'NotUsed',
  message: 'Not used by any workspace',
};

/** By workspace. */
export function programmedWorkspaces(
  { plans, tables }: Pick<CompiledSnapshot, 'plans' | 'tables'>,
  gateways: readonly ObservedGateway[],
): ReadonlyMap<string, Programmed> {
  const revisions = new Map(tables.map(({ metadata, spec }) => [metadata.name, spec.revision]));
  const fault = faultOfGateways(gateways);
  const counted = gateways.filter(({ health }) => health === 'ready' || health === 'unreported');
  return new Map(
    plans.map((plan) => {
      const wanted = { plan, tableRevision: revisions.get(plan.spec.table) };
      return [plan.metadata.name, rejected(plan, counted) ?? fault ?? pending(wanted, counted) ?? PROGRAMMED];
    }),
  );
}

const REMEDIES = {
  gateway: {
    none: `No gateway is there: see why Deployment "${GATEWAY_NAME}" has no pods, or start "sallyport gateway"`,
    deployment: GATEWAY_NAME,
  },
  ingress: {
    none: 'No ingress gateway is there: set the value ingress.enabled of the chart to true, or start "sallyport ingress"',
    deployment: INGRESS_NAME,
  },
} as const;

/** What applies to every workspace. */
export function faultOfGateways(
  gateways: readonly ObservedGateway[],
  role: keyof typeof REMEDIES = 'gateway',
): Programmed | undefined {
  const { none, deployment } = REMEDIES[role];
  if (gateways.length === 0) return not('NoGateway', none);
  const silent = gateways.filter(({ health }) => health === 'silent');
  if (silent.length > 0) {
    const since = silent[0]?.renewTime ?? '';
    return not(
      'GatewaySilent',
      `Gateway ${named(silent)} is ready, but has not reported since ${since}: check its pod`,
    );
  }
  if (gateways.some(({ health }) => health !== 'not-ready')) return undefined;
  const verbs = gateways.length === 1 ? 'has stopped or is starting' : 'have stopped or are starting';
  const noPods = gateways.some(({ hasPod }) => hasPod)
    ? ''
    : `, and no pod of a gateway is there: see whether the replicas of Deployment "${deployment}" are 0`;
  return not('GatewayNotReady', `No gateway is ready: ${named(gateways)} ${verbs}${noPods}`);
}

function rejected({ metadata, spec }: WorkspacePlan, gateways: readonly ObservedGateway[]) {
  const rejectionOf = (gateway: ObservedGateway): string | undefined =>
    gateway.tables.get(spec.table)?.rejection ?? gateway.plans.get(metadata.name)?.rejection;
  const rejecting = gateways.filter((gateway) => rejectionOf(gateway) !== undefined);
  const [first] = rejecting;
  if (first === undefined) return undefined;
  return not('GatewayRejected', `Envoy of gateway ${named(rejecting)} rejected it: ${rejectionOf(first)}`);
}

interface WantedRevisions {
  readonly plan: WorkspacePlan;
  readonly tableRevision: string | undefined;
}

function pending({ plan, tableRevision }: WantedRevisions, gateways: readonly ObservedGateway[]) {
  const { metadata, spec } = plan;
  const waiting = gateways.filter(
    ({ tables, plans }) =>
      !runs(tables.get(spec.table), tableRevision) || !runs(plans.get(metadata.name), spec.revision),
  );
  return waiting.length === 0 ? undefined : not('Pending', `Not yet on gateway ${named(waiting)}`);
}

export function runs(running: RunningRevision | undefined, wanted: string | undefined): boolean {
  return running !== undefined && running.revision === wanted;
}

/** The workspaces of one policy, taken together. */
export function programmedTogether(
  plans: readonly WorkspacePlan[],
  programmed: ReadonlyMap<string, Programmed>,
): Programmed {
  if (plans.length === 0) return NOT_USED;
  const verdicts = plans.flatMap(({ metadata: { name } }) => {
    const verdict = programmed.get(name);
    return verdict === undefined || verdict.status === 'True' ? [] : [{ name, verdict }];
  });
  const first = verdicts.find(({ verdict }) => verdict.reason === 'GatewayRejected') ?? verdicts[0];
  if (first === undefined) return PROGRAMMED;
  const count = `${plans.length - verdicts.length} of ${plans.length} workspaces`;
  return not(first.verdict.reason, `In force in ${count}; not in "${first.name}": ${first.verdict.message}`);
}

export function not(reason: Programmed['reason'], message: string): Programmed {
  return { status: 'False', reason, message };
}

export function named(gateways: readonly ObservedGateway[]): string {
  return nameSome(gateways.map(({ name }) => name));
}
