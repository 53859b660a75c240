import fc from 'fast-check';
import { exemptedUntil, exemptionAnnotations } from './exempted-pod.ts';
import { SETTLING_MS } from './moved-pod.ts';
import { EXEMPTED_AT_ANNOTATION } from './stamp.ts';

const SEED = 20270131;
const RUNS = 500;
const NOW_MS = Date.parse('2027-01-31T00:00:00Z');
const RUNNING = { containerStatuses: [{ state: { running: {} } }] };
const ENDED = { phase: 'Succeeded', containerStatuses: [{ state: { terminated: {} } }] };

const ago = fc.oneof(
  fc.integer({ min: -2 * SETTLING_MS, max: 2 * SETTLING_MS }),
  fc.constantFrom(-86_400_000, -SETTLING_MS, 0, SETTLING_MS - 1, SETTLING_MS, 86_400_000),
);
const pod = fc.record({
  sinceMs: ago,
  isOnNode: fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, fc.constant(true)),
  hasEnded: fc.oneof({ arbitrary: fc.constant(false), weight: 3 }, fc.constant(true)),
  damage: fc.constantFrom(undefined, undefined, undefined, '', 'yesterday'),
});
type Generated = typeof pod extends fc.Arbitrary<infer Value> ? Value : never;

function podOf({ sinceMs, isOnNode, hasEnded, damage }: Generated) {
  const at = damage ?? new Date(NOW_MS - sinceMs).toISOString();
  return {
    metadata: { annotations: { [EXEMPTED_AT_ANNOTATION]: at } },
    spec: isOnNode ? { hostNetwork: true } : {},
    status: hasEnded ? ENDED : RUNNING,
  };
}

test('exemptedUntil() waits for those that the network may not have followed, and never for long', () => {
  const counts = { waits: 0, 'does not': 0 };
  fc.assert(
    fc.property(fc.array(pod, { maxLength: 3 }), (pods) => {
      const awaited = pods.filter(
        ({ sinceMs, isOnNode, hasEnded, damage }) =>
          !isOnNode && !hasEnded && damage === undefined && sinceMs < SETTLING_MS && sinceMs >= -SETTLING_MS,
      );
      const last = awaited.toSorted((a, b) => a.sinceMs - b.sinceMs)[0];
      const untilMs = exemptedUntil(pods.map(podOf), NOW_MS);
      counts[last === undefined ? 'does not' : 'waits'] += 1;
      expect(untilMs).toBe(last && NOW_MS - last.sinceMs + SETTLING_MS);
      const leftMs = (untilMs ?? NOW_MS) - NOW_MS;
      expect(leftMs).toBeGreaterThanOrEqual(0);
      expect(leftMs).toBeLessThanOrEqual(2 * SETTLING_MS);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(RUNS / 10);
});

test('exemptedUntil() reads what exemptionAnnotations() writes, where a pod has connections to lose', () => {
  const untilOf = (found: { readonly spec?: object; readonly status?: object }) =>
    exemptedUntil([{ ...found, metadata: { annotations: exemptionAnnotations(found, NOW_MS) } }], NOW_MS + 1);
  expect(untilOf({ status: RUNNING })).toBe(NOW_MS + SETTLING_MS);
  expect(untilOf({ status: ENDED })).toBeUndefined();
  expect(untilOf({ status: RUNNING, spec: { hostNetwork: true } })).toBeUndefined();
  expect(exemptedUntil([{ metadata: {}, status: RUNNING }], NOW_MS)).toBeUndefined();
});
