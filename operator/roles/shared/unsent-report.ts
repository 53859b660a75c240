// How many denials wait for the collector -> the report of the gateway, every few seconds and once more at the end, so that
// they can be counted when the pod is gone. More often while nobody takes them: a pod that is killed reports nothing more.
import type { GatewayReporter } from '../../deliver/kubernetes/gateway-reporter.ts';
import type { Spools, SpoolsState } from '../../gateway/log/spools.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Clock, Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';

export interface UnsentReportOptions {
  readonly log: Pick<Spools, 'recordedDenials'>;
  readonly stateOf: () => Promise<SpoolsState>;
  readonly reporter: Pick<GatewayReporter, 'reportDenials' | 'reportLastDenials'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly clock?: Clock;
}

/** While rows are taken, since then few wait and each report is a write of the API server. */
const USUAL_MS = 10_000;
const LATE_MS = 2000;
/** A collector that answers takes a row within less. */
const LATE_SECONDS = 3;

export class UnsentReport {
  readonly #options: UnsentReportOptions;
  readonly #clock: Clock;
  readonly #loop: Loop;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: UnsentReportOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#loop = new Loop({
      job: async () => {
        if (await this.#isDue()) await this.#report();
        return {};
      },
      minIntervalMs: LATE_MS,
      retryIntervalMs: LATE_MS,
      maxIntervalMs: LATE_MS,
      clock: this.#clock,
      onFailure: (error) => this.#failed(error),
    });
  }

  start(): void {
    this.#loop.trigger();
  }

  /** What waits now is reported first of all: a pod that was deleted by force may be killed before the end. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    const { log, reporter } = this.#options;
    try {
      const denials = await log.recordedDenials();
      if (denials.unsent > 0) await reporter.reportLastDenials(denials);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** After the last rows were sent, or could not be: what waits now goes with the pod. */
  async last(): Promise<void> {
    const { log, reporter, logger } = this.#options;
    try {
      const denials = await log.recordedDenials();
      await reporter.reportLastDenials(denials);
      if (denials.unsent > 0)
        logger.warn(
          'denials are not sent, and are lost where the pod is deleted; the collector counts them',
          {
            unsent: denials.unsent,
          },
        );
    } catch (error) {
      this.#failed(error);
    }
  }

  async #isDue(): Promise<boolean> {
    const { lagSeconds } = await this.#options.stateOf();
    const sinceMs = this.#clock.nowMs() - this.#reportedAtMs;
    // Also after the clock was turned back.
    return lagSeconds >= LATE_SECONDS || sinceMs >= USUAL_MS || sinceMs < 0;
  }

  async #report(): Promise<void> {
    const { log, reporter } = this.#options;
    this.#reportedAtMs = this.#clock.nowMs();
    reporter.reportDenials(await log.recordedDenials());
  }

  #failed(error: unknown): void {
    this.#options.logger.warn('denials that are not sent could not be counted', { error });
  }
}
