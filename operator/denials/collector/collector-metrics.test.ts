import fc from 'fast-check';
import { Registry } from 'prom-client';
import { sampleBatch } from '../../../test/fixtures/denial-fixture.ts';
import { samplesOf } from '../../../test/support/samples.ts';
import type { Denial } from '../../model/denial.ts';
import type { RowSink } from '../store/row-sink.ts';
import { countDenials } from './collector-metrics.ts';

const SEED = 20_261_129;
const MAX_SERIES = 5000;
/** Of three products, two reasons and two access types. */
const OTHERS = 12;

/** Stores what it is told to, and throws for the rest. */
function sinkOf(outcome: 'stored' | 'duplicate' | 'failed'): RowSink<Denial> {
  return {
    ...{ canRaise: true, progress: () => Promise.reject(new Error('unused')) },
    append: async ({ denials }) => {
      if (outcome === 'failed') throw new Error('the disk is full');
      const isStored = outcome === 'stored';
      return { stored: isStored ? denials.length : 0, duplicates: isStored ? 0 : denials.length };
    },
  };
}

const change = fc.record({
  workspace: fc.integer({ min: 0, max: 6000 }).map((at) => `team-${at}`),
  product: fc.constantFrom('SQL', 'Notebooks', null),
  reason: fc.constantFrom('DESTINATION_NOT_ALLOWED', 'DESTINATION_BLOCKED'),
  accessType: fc.constantFrom('DROP', 'DRY_RUN_DENIAL'),
  repeats: fc.integer({ min: 1, max: 9 }),
});
const batches = fc.array(
  fc.record({
    outcome: fc.constantFrom('stored', 'stored', 'stored', 'duplicate', 'failed'),
    changes: fc.array(change, { minLength: 1, maxLength: 4000, size: 'max' }),
  }),
  { minLength: 3, maxLength: 6 },
);

test('countDenials() counts each denial that was stored once, in a bounded number of series', async () => {
  const sizes: number[] = [];
  await fc.assert(
    fc.asyncProperty(batches, async (all) => {
      const registry = new Registry();
      const sinks = { current: sinkOf('stored') };
      const counted = countDenials(registry, {
        ...{ canRaise: true, progress: (gateway) => sinks.current.progress(gateway) },
        append: (batch) => sinks.current.append(batch),
      });
      let wanted = 0;
      for (const { outcome, changes } of all) {
        sinks.current = sinkOf(outcome as 'stored');
        const [row] = sampleBatch(0, 1).denials;
        const denials = changes.map((one) => ({ ...row, ...one }) as Denial);
        await counted.append({ ...sampleBatch(0, 1), denials }).catch(() => undefined);
        if (outcome === 'stored') wanted += changes.reduce((sum, { repeats }) => sum + repeats, 0);
      }
      const samples = await samplesOf(registry, 'sallyport_collector_denials_total');
      const found = samples.reduce((sum, one) => sum + Number(one.split(' ').at(-1)), 0);
      expect(found).toBe(wanted);
      sizes.push(samples.length);
      expect(samples.length).toBeLessThanOrEqual(MAX_SERIES + OTHERS);
    }),
    { seed: SEED, numRuns: 5 },
  );
  expect(Math.max(...sizes)).toBeGreaterThan(MAX_SERIES);
});
