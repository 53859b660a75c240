import { SeenLately } from './seen-lately.ts';
import { SourceLimit } from './source-limit.ts';

test('SeenLately finds a thing new once in each window, also after the clock was set back', () => {
  const seen = new SeenLately(5000, 10);
  const times = [10_000, 10_001, 14_999, 15_000, 15_001, 9000];
  expect(times.map((nowMs) => seen.isNew('a', nowMs))).toEqual([true, false, false, true, false, true]);
  expect(seen.isNew('b', 9000)).toBe(true);
});

test('SourceLimit lets each source ask so many per second, and twice as many at once', () => {
  const limit = new SourceLimit(10, 100);
  const granted = (source: string, nowMs: number): number =>
    Array.from({ length: 100 }, () => limit.take(source, nowMs)).filter(Boolean).length;
  expect(granted('a', 0)).toBe(20);
  expect(granted('b', 0)).toBe(20);
  expect(granted('a', 500)).toBe(5);
  expect(granted('a', 400)).toBe(0);
  expect(granted('a', 60_000)).toBe(20);
});
