import fc from 'fast-check';
import { BoundedPlaces } from './bounded-places.ts';

test('BoundedPlaces gives no key more than its own, all together no more than there are, and what is given back again', () => {
  const step = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const places = new BoundedPlaces({ most: 4, mostOfKey: 2 });
      let held: { readonly key: string; readonly give: () => void }[] = [];
      for (const one of steps) {
        if (typeof one === 'number') {
          const at = held[one % Math.max(1, held.length)];
          // Twice is as once.
          at?.give();
          at?.give();
          held = held.filter((other) => other !== at);
          continue;
        }
        const isOwnFull = held.filter(({ key }) => key === one).length >= 2;
        const taken = places.take(one);
        expect(typeof taken === 'string' ? taken : 'taken').toBe(
          isOwnFull ? 'of key' : held.length >= 4 ? 'of all' : 'taken',
        );
        if (typeof taken !== 'string') held.push({ key: one, give: taken });
      }
    }),
    { seed: 20_292 },
  );
});
