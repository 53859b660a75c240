import { once } from 'node:events';
import { Writable } from 'node:stream';
import { until } from '../../../../test/support/until.ts';
import type { KubernetesApi } from '../../../lib/kubernetes/kubernetes-api.ts';
import { createLogger } from '../../../lib/logger.ts';
import type { CanaryScene } from './canary-scene.ts';
import { IsolationProbe } from './isolation-probe.ts';

const SILENCE = new Writable({ write: (_chunk, _encoding, done) => done() });
const OBSTACLE = 'No gateway is ready';
const TARGETS = { allowed: [], denied: [] };

/** A stub of an API server that takes the first canary pod until it is released, and has no pods. */
class SlowServer implements KubernetesApi {
  readonly created = Promise.withResolvers<void>();
  readonly #released = new AbortController();

  async request({ method }: Parameters<KubernetesApi['request']>[0]): Promise<unknown> {
    if (method !== 'POST') return { items: [] };
    this.created.resolve();
    await once(this.#released.signal, 'abort');
    throw new Error('released');
  }

  async *stream(): AsyncIterable<unknown> {}

  async close(): Promise<void> {
    this.#released.abort();
  }
}

test('while a measurement runs, nobody hears of the obstacle before it', async () => {
  const api = new SlowServer();
  let scene: CanaryScene = { nodes: ['node-a'], targets: { obstacle: OBSTACLE } };
  const probe = new IsolationProbe({
    api,
    logger: createLogger({ role: 'operator', level: 'error', stream: SILENCE }),
    ...{ image: 'image', namespace: 'canaries', intervalMs: 300_000 },
    mayWrite: () => true,
    scene: () => scene,
    record: async () => undefined,
    onAnswer: () => undefined,
    onChange: () => undefined,
  });
  probe.trigger();
  await until('the obstacle is known', () => probe.measurements().obstacle === OBSTACLE);
  scene = { nodes: ['node-a'], targets: TARGETS };
  probe.trigger();
  await api.created.promise;
  expect(probe.measurements()).toEqual({ intervalMs: 300_000, nodes: [] });
  await api.close();
  await probe.stop();
});
