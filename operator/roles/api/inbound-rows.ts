// Rows of the API in a cluster: each call that lists refuse, or would but for dry-run, is a JSON line on standard output,
// as those of an ingress gateway are.
import { inboundDenialOfLine } from '../../denials/reading/inbound-denial-of-line.ts';
import { PlanHistory } from '../../denials/reading/plan-history.ts';
import type { Logger } from '../../lib/logger.ts';
import { INBOUND_COLUMNS } from '../../model/inbound-columns.ts';
import { formatInboundLine, parseInboundLine, type WrittenInboundLine } from '../../model/inbound-line.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import { rowOf } from '../../model/log-column.ts';

export interface InboundRowsOptions {
  readonly accountId: string;
  readonly podName: string;
  readonly logger: Logger;
  /** Those in force. */
  readonly plans: () => readonly IngressPlan[];
}

export class InboundRows {
  readonly #options: InboundRowsOptions;
  readonly #history = new PlanHistory();
  readonly #startedMs = Date.now();
  #sequence = 0;

  constructor(options: InboundRowsOptions) {
    this.#options = options;
  }

  /** Right after the decision, while its plan is in force. */
  write(written: WrittenInboundLine): void {
    const { accountId, podName, logger, plans } = this.#options;
    const line = parseInboundLine(formatInboundLine(written));
    if (line === undefined) throw new Error('A line of our own cannot be read');
    if (this.#history.current !== plans()) this.#history.remember(plans());
    const eventId = `${podName}/api.${this.#startedMs}/${this.#sequence + 1}`;
    const denial = inboundDenialOfLine(line, { accountId, eventId }, this.#history);
    if (denial === undefined) return;
    this.#sequence += 1;
    logger.info('inbound denial', rowOf(INBOUND_COLUMNS, { ...denial, sequence: this.#sequence }));
  }
}
