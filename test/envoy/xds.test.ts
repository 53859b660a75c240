// Random changes, rejected resources and restarts on either side: afterwards a real Envoy runs exactly what it should.
// SEED and RUNS choose other ones.
import fc from 'fast-check';
import { forEachKind } from '../../operator/gateway/xds/resource-kind.ts';
import { createCertificateAuthority } from '../outside/certificates.ts';
import { XdsFixture } from '../support/envoy/xds-fixture.ts';
import { XdsModel } from '../support/envoy/xds-model.ts';
import { type Step, type Surroundings, steps, WIDTH } from '../support/envoy/xds-world.ts';
import { freePorts } from '../support/free-ports.ts';

const SEED = Number(process.env['SEED'] ?? 20_261);
const RUNS = Number(process.env['RUNS'] ?? 4);

let around: Surroundings;

beforeAll(async () => {
  const leaf = await (await createCertificateAuthority()).leafFor('app.example.com');
  around = { ports: await freePorts(WIDTH + 1), leaf };
});

async function replay(taken: readonly Step[]): Promise<void> {
  const fixture = await XdsFixture.make();
  try {
    const { result } = await fixture.applier.apply(forEachKind(() => []));
    expect(result).toEqual({ status: 'notRunning' });
    await fixture.envoy.start();
    const model = new XdsModel(fixture, around);
    for (const step of taken) await model.take(step);
    await model.apply();
  } finally {
    await fixture.remove();
  }
}

test('Envoy runs what is wanted, and the last good version of what it rejects', async () => {
  await fc.assert(fc.asyncProperty(steps, replay), {
    seed: SEED,
    numRuns: RUNS,
    endOnFailure: true,
  });
}, 600_000);
