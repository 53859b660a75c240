// What a collector stores and refuses, as metrics.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { boundedCounter } from '../../lib/bounded-counter.ts';
import type { Denial } from '../../model/denial.ts';
import type { RowSink } from '../store/row-sink.ts';
import type { CollectorServerOptions } from './collector-server.ts';

/** Seconds: a gateway reads its log ten times a second; hours where a collector was away. */
const LAG_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400];

/** `store` is "duckdb", "clickhouse" or "otlp". */
export function measureCollector(
  registry: Registry,
  store: string,
): Pick<CollectorServerOptions, 'onStored' | 'onRefused' | 'onConnectionEnded'> {
  const counter = (name: string, help: string, labelNames: readonly string[]): Counter =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  const rows = counter('sallyport_collector_rows_total', 'Rows stored', ['direction']);
  const batches = counter('sallyport_collector_batches_total', 'Batches stored', ['direction']);
  const refused = counter('sallyport_collector_refused_total', 'Requests refused, or failed', [
    'request',
    'status',
  ]);
  const ended = counter(
    'sallyport_collector_connections_ended_total',
    'Connections ended: without a known caller in time (unaccepted), or the least needed of too many (crowded)',
    ['reason'],
  );
  new Gauge({
    name: 'sallyport_collector_info',
    help: 'Always 1: where this collector stores rows',
    labelNames: ['store'],
    registers: [registry],
  }).set({ store }, 1);
  const lag = new Histogram({
    name: 'sallyport_collector_lag_seconds',
    help: 'From the oldest denial of a batch until the batch was stored',
    labelNames: ['direction'],
    buckets: LAG_BUCKETS,
    registers: [registry],
  });
  const corrected = counter(
    'sallyport_collector_clock_corrected_total',
    'Rows whose time no clock can have now: they have the time of their arrival',
    ['direction'],
  );
  return {
    onStored: (direction, { stored, lagMs, corrected: rowsCorrected }) => {
      corrected.inc({ direction }, rowsCorrected);
      rows.inc({ direction }, stored);
      batches.inc({ direction });
      if (lagMs !== undefined) lag.observe({ direction }, Math.max(0, lagMs) / 1000);
    },
    onRefused: (status, _sentence, request) => refused.inc({ request, status: String(status) }),
    onConnectionEnded: (reason) => ended.inc({ reason }),
  };
}

/** Counts rows where they are stored: only here it is known which product it was. */
export function countDenials(registry: Registry, sink: RowSink<Denial>): RowSink<Denial> {
  const count = boundedCounter(registry, {
    name: 'sallyport_collector_denials_total',
    help: 'Denials of the rows that were stored; those that a row counts later, in a flood, are in sallyport_denials_total only',
    labelNames: ['product', 'reason', 'access_type'],
  });
  return {
    ...{ canRaise: sink.canRaise, progress: (gateway) => sink.progress(gateway) },
    append: async (batch) => {
      const outcome = await sink.append(batch);
      if (outcome.stored === 0) return outcome;
      for (const { workspace, product, reason, accessType, repeats, lost } of batch.denials)
        if (lost === 0) count(workspace, [product ?? '', reason, accessType], repeats);
      return outcome;
    },
  };
}
