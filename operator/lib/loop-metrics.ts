// Metrics of a loop, named like those of a controller with one worker: a pass over everything is the only
// item.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LoopRun, LoopState } from './loop.ts';

const PASS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30];

/** Of a role, with the numbers of its process: several roles can run in one process. */
export function roleRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

export function measurePasses(registry: Registry, controller: string): (run: LoopRun) => void {
  const registers = [registry];
  const labelNames = ['controller'];
  const names = ['name', 'controller'];
  const queue = { name: controller, controller };
  const count = (name: string, help: string, labels: string[]): Counter =>
    new Counter({ name, help, labelNames: labels, registers });
  const time = (name: string, help: string, labels: string[]): Histogram =>
    new Histogram({ name, help, labelNames: labels, buckets: PASS_BUCKETS, registers });
  const total = count('controller_runtime_reconcile_total', 'Passes, by result', ['controller', 'result']);
  const errors = count('controller_runtime_reconcile_errors_total', 'Passes that failed', labelNames);
  const retries = count('workqueue_retries_total', 'Passes that were retried', names);
  const seconds = time('controller_runtime_reconcile_time_seconds', 'Time of a pass', labelNames);
  const work = time('workqueue_work_duration_seconds', 'Time of a pass', names);
  const queued = time(
    'workqueue_queue_duration_seconds',
    'Time from the first change to the pass that takes it up',
    names,
  );
  // Alerts on a rate need the first zero.
  for (const result of ['success', 'error']) total.inc({ controller, result }, 0);
  errors.inc({ controller }, 0);
  retries.inc(queue, 0);
  return (run) => {
    total.inc({ controller, result: run.failed ? 'error' : 'success' });
    errors.inc({ controller }, run.failed ? 1 : 0);
    retries.inc(queue, run.failed ? 1 : 0);
    seconds.observe({ controller }, run.seconds);
    work.observe(queue, run.seconds);
    queued.observe(queue, run.queuedSeconds);
  };
}

/** Read at each scrape. */
export function measureLoop(registry: Registry, controller: string, state: () => LoopState): void {
  const registers = [registry];
  const gauge = (
    name: string,
    help: string,
    { labels, value }: { readonly labels: Readonly<Record<string, string>>; readonly value: () => number },
  ): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      registers,
      collect() {
        this.set(labels, value());
      },
    });
  const ofController = (value: () => number) => ({ labels: { controller }, value });
  const ofQueue = (value: () => number) => ({ labels: { name: controller, controller }, value });
  const running = (): number => state().runningSeconds ?? 0;
  gauge(
    'controller_runtime_active_workers',
    'Passes that are running',
    ofController(() => (state().runningSeconds === undefined ? 0 : 1)),
  );
  gauge(
    'controller_runtime_max_concurrent_reconciles',
    'Never two at once',
    ofController(() => 1),
  );
  gauge(
    'workqueue_depth',
    'Whether a pass is due',
    ofQueue(() => (state().isTriggered ? 1 : 0)),
  );
  gauge('workqueue_unfinished_work_seconds', 'Age of the running pass', ofQueue(running));
  gauge('workqueue_longest_running_processor_seconds', 'Age of the running pass', ofQueue(running));
  new Counter({
    name: 'workqueue_adds_total',
    help: 'Changes that made a pass due',
    labelNames: ['name', 'controller'],
    registers,
    collect() {
      this.reset();
      this.inc({ name: controller, controller }, state().triggers);
    },
  });
}
