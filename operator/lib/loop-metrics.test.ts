import type { Registry } from 'prom-client';
import { samplesOf } from '../../test/support/samples.ts';
import { Loop, SYSTEM_CLOCK } from './loop.ts';
import { measureLoop, measurePasses, roleRegistry } from './loop-metrics.ts';

let registry: Registry;

beforeEach(() => {
  registry = roleRegistry();
});

const QUEUE = '{name="operator",controller="operator"}';

describe('numbers of passes', () => {
  it('stand under the names of controllers, with zeros before the first', async () => {
    const pass = measurePasses(registry, 'operator');
    expect(await samplesOf(registry, 'controller_runtime_reconcile_errors_total')).toEqual([
      'controller_runtime_reconcile_errors_total{controller="operator"} 0',
    ]);
    pass({ seconds: 0.03, queuedSeconds: 0.001, failed: false });
    pass({ seconds: 2, queuedSeconds: 0.001, failed: true });
    expect(await samplesOf(registry, 'controller_runtime_reconcile_total')).toEqual([
      'controller_runtime_reconcile_total{controller="operator",result="success"} 1',
      'controller_runtime_reconcile_total{controller="operator",result="error"} 1',
    ]);
    expect(await registry.metrics()).toEqual(
      expect.stringContaining('controller_runtime_reconcile_time_seconds_sum{controller="operator"} 2.03'),
    );
    expect(await samplesOf(registry, 'workqueue_retries_total')).toEqual([
      `workqueue_retries_total${QUEUE} 1`,
    ]);
    expect(await samplesOf(registry, 'workqueue_queue_duration_seconds_count')).toEqual([
      `workqueue_queue_duration_seconds_count${QUEUE} 2`,
    ]);
  });

  it('say what a loop does now', async () => {
    const end = Promise.withResolvers<object>();
    const intervals = { minIntervalMs: 0, retryIntervalMs: 1000, maxIntervalMs: 60_000 };
    const loop = new Loop({
      job: () => end.promise,
      ...intervals,
      clock: { ...SYSTEM_CLOCK, setTimer: (_, callback) => (queueMicrotask(callback), () => undefined) },
      onFailure: () => undefined,
    });
    measureLoop(registry, 'operator', () => loop.state());
    loop.trigger();
    await Promise.resolve();
    loop.trigger();
    loop.trigger();
    expect(await samplesOf(registry, 'controller_runtime_active_workers')).toEqual([
      'controller_runtime_active_workers{controller="operator"} 1',
    ]);
    expect(await samplesOf(registry, 'workqueue_depth')).toEqual([`workqueue_depth${QUEUE} 1`]);
    expect(await samplesOf(registry, 'workqueue_adds_total')).toEqual([`workqueue_adds_total${QUEUE} 2`]);
    const stopped = loop.stop();
    end.resolve({});
    await stopped;
    expect(await samplesOf(registry, 'controller_runtime_active_workers')).toEqual([
      'controller_runtime_active_workers{controller="operator"} 0',
    ]);
  });
});

test('roleRegistry() has the delay of the event loop', async () => {
  expect(await samplesOf(registry, 'nodejs_eventloop_lag_p99_seconds')).toHaveLength(1);
});
