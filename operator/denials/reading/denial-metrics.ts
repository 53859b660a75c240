// Metrics of denials, for a limited number of workspaces.
import { Counter, type Registry } from 'prom-client';
import { boundedCounter } from '../../lib/bounded-counter.ts';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';

export type CountedDenial = Pick<Denial, 'workspace' | 'reason' | 'accessType' | 'repeats'>;
export type CountedRequest = Pick<InboundDenial, 'workspace' | 'reason' | 'policyOutcome' | 'repeats'>;

export function measureDenials(registry: Registry): (denial: CountedDenial) => void {
  const count = boundedCounter(registry, {
    name: 'sallyport_denials_total',
    help: 'Connections denied, or in dry-run that would have been denied',
    labelNames: ['reason', 'access_type'],
  });
  return ({ workspace, reason, accessType, repeats }) => count(workspace, [reason, accessType], repeats);
}

export function measureInboundDenials(registry: Registry): (denial: CountedRequest) => void {
  const count = boundedCounter(registry, {
    name: 'sallyport_inbound_denials_total',
    help: 'Requests from outside denied, or by lists in dry-run that would have been denied',
    labelNames: ['reason', 'policy_outcome'],
  });
  return ({ workspace, reason, policyOutcome, repeats }) =>
    count(workspace ?? '', [reason, policyOutcome], repeats);
}

/**
 * Why denials have no row: given up for the budget of the spool, never written in whole, unreadable, gone where they were stored,
 * or not sent when the pod of their gateway was gone.
 */
export type LossReason = 'spool-full' | 'not-written' | 'unreadable' | 'store-lost' | 'pod-gone';

export function measureLoss(registry: Registry): (reason: LossReason, lost: number) => void {
  const counter = new Counter({
    name: 'sallyport_denials_lost_total',
    help: 'Denials that could not be kept, as the rows with the reason DENIALS_NOT_KEPT count them',
    labelNames: ['reason'],
    registers: [registry],
  });
  return (reason, lost) => counter.inc({ reason }, lost);
}
