import fc from 'fast-check';
import { movingListeners, type Places } from './moving-listeners.ts';

const places = (all: Readonly<Record<string, readonly string[]>>): Places => new Map(Object.entries(all));

test.each([
  ['that exchange their ports', { a: ['1'], b: ['2'] }, { a: ['2'], b: ['1'] }, ['a', 'b']],
  ['whose former port another one takes', { a: ['1'] }, { a: ['2'], b: ['1'] }, ['a']],
  ['none where a new one wants the port of one that stays', { a: ['1'] }, { a: ['1'], b: ['1'] }, []],
  ['none where nobody takes the former port', { a: ['1'] }, { a: ['2'] }, []],
  ['none of those that are gone', { a: ['1'] }, { b: ['1'] }, []],
])('movingListeners() names those %s', (_what, before, after, moving) => {
  expect(movingListeners(places(before), places(after))).toEqual(moving);
});

test('once those that move are gone, no other listener has a port that is wanted', () => {
  const some = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.subarray(['1', '2', '3']));
  fc.assert(
    fc.property(some, some, (before, after) => {
      const moving = new Set(movingListeners(places(before), places(after)));
      for (const [name, kept] of Object.entries(after)) {
        for (const [other, had] of Object.entries(before)) {
          const stays = other in after && !moving.has(other);
          if (other === name || !stays) continue;
          // Two may want one port; the one that has it keeps it.
          const left = had.filter((place) => !(after[other] ?? []).includes(place));
          expect(left.filter((place) => kept.includes(place))).toEqual([]);
        }
      }
    }),
    { seed: 7 },
  );
});
