// Reflectors as numbers: those that failed, and whether the API server is heard.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ReflectorProgress } from './reflector.ts';

export function measureReflectorFailures(registry: Registry): (reflector: string) => void {
  const failures = new Counter({
    name: 'sallyport_reflector_failures_total',
    help: 'Watches that failed and were restarted',
    labelNames: ['reflector'],
    registers: [registry],
  });
  return (reflector) => failures.inc({ reflector });
}

/** Read whenever somebody asks for the numbers. */
export function measureReflectors(registry: Registry, progress: () => readonly ReflectorProgress[]): void {
  const gauge = (name: string, help: string, valueOf: (state: ReflectorProgress) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['reflector'],
      registers: [registry],
      collect() {
        for (const state of progress()) this.set({ reflector: state.reflector }, valueOf(state));
      },
    });
  gauge('sallyport_reflector_synced', 'Whether everything was read once', ({ hasSynced }) =>
    hasSynced ? 1 : 0,
  );
  gauge(
    'sallyport_reflector_silent_seconds',
    'Time since the last answer of the API server; NaN before the first one',
    ({ heardAtMs }) => (heardAtMs === undefined ? Number.NaN : (performance.now() - heardAtMs) / 1000),
  );
}
