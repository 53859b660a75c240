import fc from 'fast-check';
import { loadAll } from 'js-yaml';
import { OUTPUT_FORMATS } from '../../model/output-format.ts';
import { rowFormat } from './row-formats.ts';

const texts = fc.string({ unit: 'binary', maxLength: 20 });
const rows = fc.array(fc.record({ name: texts, nothing: fc.constant(null), count: fc.integer() }), {
  minLength: 1,
  maxLength: 5,
});
const COLUMNS = ['name', 'nothing', 'count'];

test('YAML and JSON have the values, whatever they are', () => {
  fc.assert(
    fc.property(rows, (given) => {
      expect(loadAll(rowFormat('yaml', {})(COLUMNS, given))).toEqual(given);
      const lines = rowFormat('json', {})(COLUMNS, given).trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(given);
    }),
    { seed: 16 },
  );
});

test('no format lets a character through that a terminal obeys', () => {
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom(...OUTPUT_FORMATS.filter((output) => output !== 'parquet')),
      (given, output) => {
        const hostile = given.map((row) => ({ ...row, name: `${row.name}\u001b[2J\u009b\u202e\r\n` }));
        expect(rowFormat(output, {})(COLUMNS, hostile)).not.toMatch(
          /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/,
        );
      },
    ),
    { seed: 16 },
  );
});

test('CSV quotes what needs it, and has its headings once, also without rows', () => {
  const format = rowFormat('csv', {});
  expect(format(COLUMNS, [])).toBe('name,nothing,count\n');
  const text = format(COLUMNS, [
    { name: 'say "a", b', nothing: null, count: 1 },
    { name: 'two\nlines', nothing: null, count: 2 },
  ]);
  expect(text).toBe('"say ""a"", b",,1\ntwo\\u000alines,,2\n');
});
