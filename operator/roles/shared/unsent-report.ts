// How many denials wait for the collector -> the report of the gateway, every few seconds and once more at the end, so that
// they can be counted when the pod is gone.
import type { GatewayReporter } from '../../deliver/kubernetes/gateway-reporter.ts';
import type { Spools } from '../../gateway/log/spools.ts';
import type { Logger } from '../../lib/logger.ts';
import { Loop, SYSTEM_CLOCK } from '../../lib/loop.ts';

export interface UnsentReportOptions {
  readonly log: Pick<Spools, 'recordedDenials'>;
  readonly reporter: GatewayReporter;
  readonly logger: Pick<Logger, 'warn'>;
}

const EVERY_MS = 10_000;

export class UnsentReport {
  readonly #options: UnsentReportOptions;
  readonly #loop: Loop;

  constructor(options: UnsentReportOptions) {
    this.#options = options;
    this.#loop = new Loop({
      job: async () => {
        options.reporter.reportDenials(await options.log.recordedDenials());
        return {};
      },
      minIntervalMs: EVERY_MS,
      retryIntervalMs: EVERY_MS,
      maxIntervalMs: EVERY_MS,
      clock: SYSTEM_CLOCK,
      onFailure: (error) => this.#failed(error),
    });
  }

  start(): void {
    this.#loop.trigger();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
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

  #failed(error: unknown): void {
    this.#options.logger.warn('denials that are not sent could not be counted', { error });
  }
}
