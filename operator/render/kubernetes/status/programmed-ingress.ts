// Ingress plans and ingress gateways -> whether the way into a workspace is in force, and what its plan names that
// gateways cannot use.
import type { Verdict } from '../../../model/condition.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import type { IngressFault, ObservedGateway } from './gateway-health.ts';
import { faultOfGateways, named, not, PROGRAMMED, type Programmed, runs } from './programmed.ts';

/** Who keeps an ingress of their own need not run ours. */
const NO_HOST: Programmed = {
  status: 'Unknown',
  reason: 'NotUsed',
  message:
    'Nobody enforces it, since no host is served: name some in spec.ingress.hosts of the WorkspaceConf, and set the value ingress.enabled of the chart to true',
};

/** By name of the plan. */
export function programmedIngress(
  plans: readonly IngressPlan[],
  gateways: readonly ObservedGateway[],
): ReadonlyMap<string, Programmed> {
  const fault = faultOfGateways(gateways, 'ingress');
  const counted = gateways.filter(({ health }) => health === 'ready' || health === 'unreported');
  return new Map(
    plans.map((plan) => {
      const isUsed = (plan.spec.hosts ?? []).length > 0 || gateways.length > 0;
      const verdict = isUsed ? (rejected(plan, counted) ?? fault ?? pending(plan, counted)) : NO_HOST;
      return [plan.metadata.name, verdict ?? PROGRAMMED];
    }),
  );
}

function rejected({ metadata }: IngressPlan, gateways: readonly ObservedGateway[]): Programmed | undefined {
  const rejectionOf = ({ plans }: ObservedGateway) => plans.get(metadata.name)?.rejection;
  const rejecting = gateways.filter((gateway) => rejectionOf(gateway) !== undefined);
  const [first] = rejecting;
  if (first === undefined) return undefined;
  return not('GatewayRejected', `Envoy of gateway ${named(rejecting)} rejected it: ${rejectionOf(first)}`);
}

function pending(
  { metadata, spec }: IngressPlan,
  gateways: readonly ObservedGateway[],
): Programmed | undefined {
  const waiting = gateways.filter(({ plans }) => !runs(plans.get(metadata.name), spec.revision));
  return waiting.length === 0 ? undefined : not('Pending', `Not yet on gateway ${named(waiting)}`);
}

/** By name of the plan: whether what it names is there. Absent where no ready gateway has reported it. */
export function resolvedIngress(
  plans: readonly IngressPlan[],
  gateways: readonly ObservedGateway[],
): ReadonlyMap<string, Verdict<'ResolvedRefs'>> {
  const ready = gateways.filter(({ health }) => health === 'ready');
  return new Map(
    plans
      .filter(({ spec }) => (spec.hosts ?? []).length > 0)
      .flatMap(({ metadata: { name } }) => {
        const reports = ready.flatMap((gateway) => gateway.plans.get(name) ?? []);
        if (reports.length === 0) return [];
        return [[name, verdictOf(reports.flatMap(({ faults = [] }) => faults))] as const];
      }),
  );
}

function verdictOf(faults: readonly IngressFault[]): Verdict<'ResolvedRefs'> {
  const [first] = faults;
  if (first === undefined)
    return { status: 'True', reason: 'ResolvedRefs', message: 'What it names is there' };
  const messages = [...new Set(faults.map(({ message }) => message))];
  return { status: 'False', reason: first.reason, message: messages.join('; ') };
}
