import fc from 'fast-check';
import { podSpecs } from '../../test/fixtures/pod-specs.ts';
import { LANES } from './lane.ts';
import { HARMLESS_CAPABILITIES, openingsOf, openingsPast, type PodSpec } from './pod-openings.ts';

const SEED = 20270131;

describe('openingsOf()', () => {
  it('names all that a generated spec opens, and nothing else', () => {
    const counts = { open: 0, none: 0 };
    fc.assert(
      fc.property(podSpecs, ({ spec, openings }) => {
        counts[openings.length > 0 ? 'open' : 'none'] += 1;
        expect(openingsOf(spec as PodSpec)).toEqual(openings);
      }),
      { numRuns: 3000, seed: SEED },
    );
    expect(Math.min(counts.open, counts.none)).toBeGreaterThan(500);
  });

  it('takes what is new in Kubernetes for an opening', () => {
    const volumes = [{ name: 'a', holographic: {} }, { name: 'b' }, { name: 'c', emptyDir: {}, beamed: {} }];
    const capabilities = { add: ['CHOWN', 'TELEPORT'] };
    const ephemeralContainers = [{ name: 'debug', securityContext: { capabilities } }];
    expect(openingsOf({ volumes, ephemeralContainers } as PodSpec)).toEqual([
      'volume "a" of kind "holographic"',
      'volume "b" of kind ""',
      'volume "c" of kind "emptyDir, beamed"',
      'capability "TELEPORT" of container "debug"',
    ]);
  });

  it('repeats no text that cannot be the name of a capability', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a\r\u001b[2Kkubectl', 'A'.repeat(200_000)),
    );
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1 }), (add) => {
        const found = openingsOf({
          containers: [{ name: 'main', securityContext: { capabilities: { add } } }],
        });
        for (const opening of found) expect(opening).toMatch(/^[ -~]{1,120}$/);
        expect(found.length > 0).toBe(add.some((one) => !HARMLESS_CAPABILITIES.includes(one)));
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  it('finds nothing in a pod without a spec', () => {
    expect(openingsOf({})).toEqual([]);
  });
});

test('openingsPast() counts all in restricted lanes, the network of the node in open ones, none in lane full', () => {
  const openings = ['hostNetwork', 'volume "data" of kind "nfs"'];
  const past = Object.fromEntries([...LANES, 'made-up'].map((lane) => [lane, openingsPast(lane, openings)]));
  expect(past).toEqual({
    full: [],
    'dry-run': ['hostNetwork'],
    'sealed-dry-run': ['hostNetwork'],
    enforced: openings,
    sealed: openings,
    'made-up': openings,
  });
});
