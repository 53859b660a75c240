import { stripVTControlCharacters } from 'node:util';
import { formatHistogram, formatTop, stepOf } from './format-summary.ts';

const HOUR_MS = 3_600_000;
const at = (hour: number): number => Date.UTC(2026, 0, 1, hour);
const now = at(3) + 60_000;
const rows = [
  { begin_ms: at(0), now_ms: now, denied: 1200, dry_run: 0, lost: 0 },
  { begin_ms: at(2), now_ms: now, denied: 1, dry_run: 600, lost: 7 },
];

const histogram = `
01-01 00:00     1,200   ████████████████████████████████████████████████████████
01-01 01:00         0
01-01 02:00   1 + 600   █░░░░░░░░░░░░░░░░░░░░░░░░░░░
01-01 03:00         0
1,201 denied (█), 600 by dry-run (░), 7 not kept, times in UTC
`.slice(1);

const plain = { width: 80, colour: false, inbound: false };

test('formatHistogram() has a bar for each step until now, as long as there is room', () => {
  expect(formatHistogram(rows, HOUR_MS, plain)).toBe(histogram);
  const wide = formatHistogram(rows, HOUR_MS, { ...plain, width: 160 }).split('\n');
  expect(wide[0]).toHaveLength(160);
  expect(formatHistogram([], HOUR_MS, plain)).toBe('');
});

test('formatHistogram() colours only when asked, and only for the eye', () => {
  const coloured = formatHistogram(rows, HOUR_MS, { ...plain, colour: true });
  expect(coloured).toContain('\u001b[31m█');
  expect(stripVTControlCharacters(coloured)).toBe(histogram);
});

test.each([
  [60_000, 5000],
  [HOUR_MS, 300_000],
  [24 * HOUR_MS, HOUR_MS],
  [7 * 24 * HOUR_MS, 12 * HOUR_MS],
  [365 * 24 * HOUR_MS, 30 * 24 * HOUR_MS],
])('stepOf(%d) is %d, so that there are 24 bars at most', (rangeMs, stepMs) => {
  expect(stepOf(rangeMs)).toBe(stepMs);
});

test('formatTop() fits the terminal, and lets no control character through', () => {
  const top = {
    destination: `${'long-name.'.repeat(8)}\u001b[2J:443`,
    ...{ pods: 3, denied: 1200, dry_run: 0, reason: 'DESTINATION_NOT_ALLOWED, PORT_NOT_ALLOWED' },
    ...{ workspaces: 'team-a, team-b', last: '2026-01-01T00:00:00.123Z' },
  };
  for (const width of [80, 160]) {
    const lines = formatTop([top, { ...top, destination: 'b.example:443' }], { ...plain, width }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines.join('')).not.toContain('\u001b');
    expect(lines[0]?.includes('LAST')).toBe(width === 160);
    expect(lines[1]).toMatch(/^long-name.*…:443 {3}/);
    expect(lines[2]).toContain('b.example:443');
  }
});
