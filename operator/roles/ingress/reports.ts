// Which revision of each plan Envoy runs, as an ingress gateway reports it: the former one stays where Envoy did not take
// a newer one, or did not answer.
import type { IngressFault } from '../../compile/ingress/resolve-ingress.ts';
import type { IngressPassResult } from '../../gateway/ingress/ingress-pass.ts';
import type { GatewayReportSpec } from '../../model/gateway-report.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';

type PlanReport = NonNullable<GatewayReportSpec['ingressPlans']>[number];

const MAX_TEXT = 1024;
const MAX_FAULTS = 8;
/** Before Envoy took any. */
const NONE = 'none';

export class IngressReports {
  #revisions: ReadonlyMap<string, string> = new Map();

  next(
    plans: readonly IngressPlan[],
    faults: readonly IngressFault[],
    { status, rejected }: Pick<IngressPassResult, 'status' | 'rejected'>,
  ): PlanReport[] {
    const isAnswered = status === 'applied' || status === 'heldBack';
    const former = this.#revisions;
    const ofAll = rejected.get('');
    const rejectionOf = (name: string): string | undefined => rejected.get(name) ?? ofAll;
    this.#revisions = new Map(
      plans.map(({ metadata: { name }, spec }) => {
        const isInForce = isAnswered && rejectionOf(name) === undefined;
        return [name, isInForce ? spec.revision : (former.get(name) ?? NONE)];
      }),
    );
    const byPlan = Map.groupBy(faults, ({ workspace }) => workspace);
    return plans.map(({ metadata: { name: workspace } }) => {
      const rejection = rejectionOf(workspace);
      const own = byPlan.get(workspace) ?? [];
      return {
        workspace,
        revision: this.#revisions.get(workspace) ?? NONE,
        ...(rejection === undefined ? {} : { rejection: rejection.slice(0, MAX_TEXT) }),
        ...(own.length === 0 ? {} : { faults: own.slice(0, MAX_FAULTS).map(faultRow) }),
      };
    });
  }
}

function faultRow({ reason, message }: IngressFault) {
  return { reason, message: message.slice(0, MAX_TEXT) };
}
