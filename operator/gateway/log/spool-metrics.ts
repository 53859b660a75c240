// The spools of a gateway as numbers, read whenever somebody asks for them.
import { Gauge, type Registry } from 'prom-client';
import type { SpoolsState } from './spools.ts';

export interface MeasuredSpools {
  readonly stateOf: () => Promise<SpoolsState>;
  readonly budgetBytes: number;
}

export function measureSpools(registry: Registry, { stateOf, budgetBytes }: MeasuredSpools): void {
  new Gauge({
    name: 'sallyport_spool_limit_bytes',
    help: 'Bytes of log lines beyond which the oldest are given up, and counted',
    registers: [registry],
  }).set(budgetBytes);
  new Gauge({
    name: 'sallyport_spool_bytes',
    help: 'Bytes of log lines that the gateway has on disk, with those that wait for the denial log',
    registers: [registry],
    async collect() {
      this.set((await stateOf()).bytes);
    },
  });
  new Gauge({
    name: 'sallyport_spool_lag_seconds',
    help: 'About how long the oldest log line waits whose denial is not in the denial log; 0 where none waits',
    registers: [registry],
    async collect() {
      this.set((await stateOf()).lagSeconds);
    },
  });
}
