// Metrics of denials, for a limited number of workspaces.
import { Counter, type Registry } from 'prom-client';
import type { Denial } from '../../model/denial.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';

/** Beyond so many series, those of further workspaces are counted together. */
const MAX_SERIES = 5000;
const OTHER_WORKSPACES = '(other)';

export type CountedDenial = Pick<Denial, 'workspace' | 'reason' | 'accessType' | 'repeats'>;
export type CountedRequest = Pick<InboundDenial, 'workspace' | 'reason' | 'policyOutcome' | 'repeats'>;

export function measureDenials(registry: Registry): (denial: CountedDenial) => void {
  const count = counterOf(registry, 'access_type', {
    name: 'sallyport_denials_total',
    help: 'Connections denied, or in dry-run that would have been denied',
  });
  return ({ workspace, reason, accessType, repeats }) => count(workspace, reason, accessType, repeats);
}

export function measureInboundDenials(registry: Registry): (denial: CountedRequest) => void {
  const count = counterOf(registry, 'policy_outcome', {
    name: 'sallyport_inbound_denials_total',
    help: 'Requests from outside denied, or by lists in dry-run that would have been denied',
  });
  return ({ workspace, reason, policyOutcome, repeats }) =>
    count(workspace ?? '', reason, policyOutcome, repeats);
}

/**
 * Why denials have no row: given up for the budget of the spool, never written in whole, unreadable, or gone where they were
 * stored.
 */
export type LossReason = 'spool-full' | 'not-written' | 'unreadable' | 'store-lost';

export function measureLoss(registry: Registry): (reason: LossReason, lost: number) => void {
  const counter = new Counter({
    name: 'sallyport_denials_lost_total',
    help: 'Denials that could not be kept, as the rows with the reason DENIALS_NOT_KEPT count them',
    labelNames: ['reason'],
    registers: [registry],
  });
  return (reason, lost) => counter.inc({ reason }, lost);
}

function counterOf(
  registry: Registry,
  outcomeLabel: string,
  named: { readonly name: string; readonly help: string },
): (workspace: string, reason: string, outcome: string, repeats: number) => void {
  const counter = new Counter({
    ...named,
    labelNames: ['workspace', 'reason', outcomeLabel],
    registers: [registry],
  });
  const series = new Set<string>();
  return (workspace, reason, outcome, repeats) => {
    const key = JSON.stringify([workspace, reason, outcome]);
    const isOwn = series.has(key) || series.size < MAX_SERIES;
    if (isOwn) series.add(key);
    counter.inc(
      { workspace: isOwn ? workspace : OTHER_WORKSPACES, reason, [outcomeLabel]: outcome },
      repeats,
    );
  };
}
