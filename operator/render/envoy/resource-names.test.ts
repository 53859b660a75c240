import fc from 'fast-check';
import { egressWorld, renderEditions } from '../../../test/fixtures/egress-worlds.ts';
import { isInternalName } from './resource-names.ts';

const SEED = Number(process.env['SEED'] ?? 20_264);
const RUNS = Number(process.env['RUNS'] ?? 20);

test('names of internal listeners, and no others, say that they are internal', () => {
  const names = { internal: 0, outer: 0 };
  const look = fc.property(egressWorld, (world) => {
    for (const { envoy } of renderEditions(world, '/run/sallyport', '127.0.0.1')) {
      const isInternal = envoy.internalListeners.map(({ name }) => isInternalName(name));
      expect(isInternal).not.toContain(false);
      const isOuter = envoy.egressListeners.map(({ name, body }) => [
        isInternalName(name),
        body['internal_listener'] !== undefined,
      ]);
      for (const [said, is] of isOuter) expect(said).toBe(is);
      names.internal += isInternal.length;
      names.outer += isOuter.length;
    }
  });
  fc.assert(look, { seed: SEED, numRuns: RUNS });
  expect(Math.min(names.internal, names.outer)).toBeGreaterThan(RUNS);
});
