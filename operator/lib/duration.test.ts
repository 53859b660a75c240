import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration()', () => {
  test.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    [' 1h ', 3_600_000],
  ])('reads %j', (text, durationMs) => {
    expect(parseDuration(text)).toEqual({ durationMs });
  });

  test.each(['', '2', 'h', '2 h', '-2h', '1.5h', '2H', '2w', '2h30m'])('rejects %j', (text) => {
    const error = `Cannot read duration "${text}": write a number and s, m, h or d, for example "2h"`;
    expect(parseDuration(text)).toEqual({ error });
  });

  test.each(['0s', '00d'])('rejects %j, which is no time at all', (text) => {
    expect(parseDuration(text)).toEqual({ error: `Cannot use duration "${text}": the shortest is "1s"` });
  });

  test('rejects more than a century', () => {
    expect(parseDuration('36501d')).toEqual({
      error: 'Cannot use duration "36501d": the longest is "36500d"',
    });
  });
});

test.each(['365d', '1d', '36h', '90m', '61s'])(
  'formatDuration() writes what parseDuration() reads: %s',
  (text) => {
    const parsed = parseDuration(text);
    expect('error' in parsed ? parsed.error : formatDuration(parsed.durationMs)).toBe(text);
  },
);
