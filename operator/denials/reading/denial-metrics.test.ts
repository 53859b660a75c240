import { Registry } from 'prom-client';
import { samplesOf } from '../../../test/support/samples.ts';
import { measureDenials } from './denial-metrics.ts';

test('measureDenials() counts denials of more workspaces than it labels one by one together', async () => {
  const registry = new Registry();
  const measure = measureDenials(registry);
  const [first, last] = ['team-0', 'team-5000'];
  const workspaces = Array.from({ length: 5000 }, (_, at) => `team-${at}`);
  for (const workspace of [...workspaces, last, first]) {
    measure({ workspace, reason: 'DESTINATION_NOT_ALLOWED', accessType: 'DROP', repeats: 1 });
  }
  const labels = 'reason="DESTINATION_NOT_ALLOWED",access_type="DROP"';
  const samples = await samplesOf(registry, 'sallyport_denials_total');
  expect(samples).toHaveLength(5001);
  expect(samples[0]).toBe(`sallyport_denials_total{workspace="${first}",${labels}} 2`);
  expect(samples.at(-1)).toBe(`sallyport_denials_total{workspace="(other)",${labels}} 1`);
});
