// The log of an ingress gateway, or of the REST API, in a cluster: each denied request is a row for the collector, or a JSON line on
// standard output, and hits are counted for its report.
import type { Registry } from 'prom-client';
import { measureInboundDenials } from '../../denials/reading/denial-metrics.ts';
import type { RowSink } from '../../denials/store/row-sink.ts';
import type { WriterCounts } from '../../gateway/log/unwritten-lines.ts';
import type { Logger } from '../../lib/logger.ts';
import { INBOUND_COLUMNS } from '../../model/inbound-columns.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import { InboundLog, type InboundPlace } from './inbound-log.ts';
import { outputSink } from './output-sink.ts';
import { type LogWriterAdmin, logFaults } from './row-spools.ts';

export interface InboundOutputOptions extends InboundPlace {
  readonly accountId: string;
  readonly rowsPerSecond: number;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Undefined where no Envoy writes. */
  readonly admin: LogWriterAdmin | undefined;
  readonly ownWrites?: () => WriterCounts;
  /** The default of the log tail where undefined. */
  readonly maxBytes: number | undefined;
  readonly budgetBytes: number;
  /** Undefined: lines on the output. */
  readonly sink?: RowSink<InboundDenial> | undefined;
}

export function openInboundOutput({
  logger,
  registry,
  sink = outputSink(logger, 'inbound denial', INBOUND_COLUMNS),
  ...options
}: InboundOutputOptions): Promise<InboundLog> {
  const count = measureInboundDenials(registry);
  return InboundLog.open({
    ...options,
    sink,
    countsLossesOfSink: true,
    onDenials: (denials) => denials.forEach(count),
    ...logFaults(logger, registry),
  });
}
