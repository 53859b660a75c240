// What a collector stores and refuses, as metrics.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { CollectorServerOptions } from './collector-server.ts';

/** Seconds: a gateway reads its log ten times a second; hours where a collector was away. */
const LAG_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400];

export function measureCollector(registry: Registry): Pick<CollectorServerOptions, 'onStored' | 'onRefused'> {
  const counter = (name: string, help: string, labelNames: readonly string[]): Counter =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  const rows = counter('sallyport_collector_rows_total', 'Rows stored', ['direction']);
  const batches = counter('sallyport_collector_batches_total', 'Batches stored', ['direction']);
  const refused = counter('sallyport_collector_refused_total', 'Requests refused, or failed', ['status']);
  const lag = new Histogram({
    name: 'sallyport_collector_lag_seconds',
    help: 'From the oldest denial of a batch until the batch was stored',
    labelNames: ['direction'],
    buckets: LAG_BUCKETS,
    registers: [registry],
  });
  return {
    onStored: (direction, { stored, lagMs }) => {
      rows.inc({ direction }, stored);
      batches.inc({ direction });
      if (lagMs !== undefined) lag.observe({ direction }, Math.max(0, lagMs) / 1000);
    },
    onRefused: (status) => refused.inc({ status: String(status) }),
  };
}
