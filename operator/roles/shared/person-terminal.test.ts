import fc from 'fast-check';
import { printableField, printableText, widthOf } from './person-terminal.ts';

const CONTROLS = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('\u001b[2J', '\u009b31m', '\u202e', '\r', '\n'),
    ),
    { size: 'max', maxLength: 400 },
  )
  .map((parts) => parts.join(''));

test('printableField() has one line, no control character and a bound', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shown = printableField(text);
      expect(shown).not.toMatch(CONTROLS);
      // Each character of 2,000 may be escaped.
      expect(shown.length).toBeLessThan(2000 * 6 + 40);
      if (text.length <= 2000 && !CONTROLS.test(text)) expect(shown).toBe(text);
    }),
    { seed: 17 },
  );
});

test('printableText() retains lines, and no other control character', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shown = printableText(text);
      expect(shown.replaceAll('\n', '')).not.toMatch(CONTROLS);
      expect(shown.split('\n')).toHaveLength(text.split('\n').length);
    }),
    { seed: 17 },
  );
});

test.each([
  [{ isTTY: true, columns: 80 }, 80],
  [{ isTTY: true, columns: 0 }, undefined],
  [{ isTTY: true }, undefined],
  [{ columns: 80 }, undefined],
])('widthOf() of %j is %j', (stream, width) => {
  expect(widthOf(stream)).toBe(width);
});
