// The GatewayReport of this pod; a write that failed is a line in the log.
import { GatewayReporter, type GatewayReporterOptions } from '../../deliver/kubernetes/gateway-reporter.ts';
import type { Logger } from '../../lib/logger.ts';

export interface OwnReportOptions extends Pick<GatewayReporterOptions, 'api' | 'namespace' | 'podName'> {
  readonly logger: Pick<Logger, 'warn'>;
}

/** Nothing is written before it has something to report. */
export function ownReport({ api, namespace, podName, logger }: OwnReportOptions): GatewayReporter {
  return new GatewayReporter({
    ...{ api, namespace, podName },
    onFailure: (error) => logger.warn('the report could not be written and is tried again', { error }),
  });
}
