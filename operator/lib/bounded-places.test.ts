import fc from 'fast-check';
import { BoundedPlaces } from './bounded-places.ts';

const SIZES = { mostOfKey: 3, mostFurther: 4 };

test('BoundedPlaces gives whoever has no place one, no key more than its own, all together no more further ones than there are, and what is given back again', () => {
  const step = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat());
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const places = new BoundedPlaces(SIZES);
      let held: { readonly key: string; readonly give: () => void }[] = [];
      const heldBy = (key: string): number => held.filter((one) => one.key === key).length;
      for (const one of steps) {
        if (typeof one === 'number') {
          const at = held[one % Math.max(1, held.length)];
          // Twice is as once.
          at?.give();
          at?.give();
          held = held.filter((other) => other !== at);
          continue;
        }
        const further = held.length - new Set(held.map(({ key }) => key)).size;
        const own = heldBy(one);
        const taken = places.take(one);
        const outcome = typeof taken === 'string' ? taken : 'taken';
        seen.add(`${outcome} ${own === 0 && further >= SIZES.mostFurther ? 'where all others are' : ''}`);
        expect(outcome).toBe(outcomeOf(own, further));
        if (typeof taken !== 'string') held.push({ key: one, give: taken });
      }
    }),
    { seed: 20_292, numRuns: 300 },
  );
  expect([...seen].toSorted()).toEqual(['further ', 'of key ', 'taken ', 'taken where all others are']);
});

function outcomeOf(own: number, further: number): string {
  if (own === 0) return 'taken';
  if (own >= SIZES.mostOfKey) return 'of key';
  return further >= SIZES.mostFurther ? 'further' : 'taken';
}
