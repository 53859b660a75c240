import fc from 'fast-check';
import { diffLines } from './diff-lines.ts';

test('diffLines() shows what differs with three lines around it', () => {
  const before = ['1', '2', '3', '4', '5', 'old', '7', '8', '9', '10', '11'];
  const after = before.flatMap((line) => (line === 'old' ? ['new', 'more'] : [line]));
  expect(diffLines(before.join('\n'), after.join('\n'))).toEqual([
    ...['...', ' 3', ' 4', ' 5', '-old', '+new', '+more', ' 7', ' 8', ' 9'],
  ]);
  expect(diffLines('same', 'same')).toEqual([]);
});

test('diffLines() of short texts has both of them', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffLines(before.join('\n'), after.join('\n'));
      if (before.join() === after.join()) return lines.length === 0;
      const side = (marks: string): string =>
        lines.flatMap((line) => (marks.includes(line[0] ?? '') ? [line.slice(1)] : [])).join('\n');
      return lines.includes('...') || (side(' -') === before.join('\n') && side(' +') === after.join('\n'));
    }),
    { seed: 7, numRuns: 500 },
  );
});
