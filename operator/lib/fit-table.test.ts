import fc from 'fast-check';
import { fittedTable, wrapText } from './fit-table.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

describe('fittedTable()', () => {
  const rows = [
    ['NAME', 'ID', 'STATE'],
    ['a-rather-long-name', '123456', 'ready'],
  ];
  const fit = { leftOut: ['ID'], least: { NAME: 8 } };

  test.each([
    [undefined, ['NAME                 ID       STATE', 'a-rather-long-name   123456   ready']],
    [35, ['NAME                 ID       STATE', 'a-rather-long-name   123456   ready']],
    [30, ['NAME            ID       STATE', 'a-rather-lon…   123456   ready']],
    [20, ['NAME           STATE', 'a-rather-lo…   ready']],
    [10, ['NAME       STATE', 'a-rathe…   ready']],
  ])('of %s columns shortens, and leaves out what may be', (width, lines) => {
    expect(fittedTable(rows, { ...fit, width })).toEqual(lines);
  });
});

describe('wrapText()', () => {
  test('breaks between words, indents what follows, and breaks nothing without a width', () => {
    const text = 'one two three https://a-long.example/path four';
    expect(wrapText(text, 14)).toBe('one two\n  three\n  https://a-long.example/path\n  four');
    expect(wrapText(text)).toBe(text);
  });

  test(`keeps every word, in lines that fit (seed ${SEED})`, () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', ':'), minLength: 1, maxLength: 30 });
    const property = fc.property(fc.array(word, { maxLength: 20 }), fc.nat(40), (words, width) => {
      const lines = wrapText(words.join(' '), width).split('\n');
      expect(lines.flatMap((line) => line.trim().split(' '))).toEqual(words.length === 0 ? [''] : words);
      for (const line of lines) expect(line.length <= width || !line.trim().includes(' ')).toBe(true);
    });
    fc.assert(property, { seed: SEED });
  });
});
