import { SeenLately } from './denied-count.ts';

test('SeenLately finds an item new once in each window, also after the clock was set back', () => {
  const seen = new SeenLately(5000, 10);
  const times = [10_000, 10_001, 14_999, 15_000, 15_001, 9000];
  expect(times.map((nowMs) => seen.isNew('a', nowMs))).toEqual([true, false, false, true, false, true]);
  expect(seen.isNew('b', 9000)).toBe(true);
});
