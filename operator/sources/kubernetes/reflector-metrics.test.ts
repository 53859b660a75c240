import { Registry } from 'prom-client';
import { samplesOf } from '../../../test/support/samples.ts';
import { measureReflectors } from './reflector-metrics.ts';

test('measureReflectors() says which reflector is silent', async () => {
  const registry = new Registry();
  const pods = {
    reflector: 'pods.v1',
    hasSynced: true,
    heardAtMs: performance.now() - 60_000,
    error: undefined,
  };
  measureReflectors(registry, () => [pods]);
  expect(await samplesOf(registry, 'sallyport_reflector_synced')).toEqual([
    'sallyport_reflector_synced{reflector="pods.v1"} 1',
  ]);
  expect(await samplesOf(registry, 'sallyport_reflector_silent_seconds')).toEqual([
    expect.stringMatching(/^sallyport_reflector_silent_seconds\{reflector="pods.v1"\} 60\./),
  ]);
});
