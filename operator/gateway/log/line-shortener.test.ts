import fc from 'fast-check';
import { LineShortener } from './line-shortener.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const TEXT_BYTES = 2048;
const LONGEST = 10_000;

function shortened(text: string, pieceBytes: number): string {
  const bytes = Buffer.from(text);
  const shortener = new LineShortener();
  for (let from = 0; from < bytes.length; from += pieceBytes)
    shortener.push(bytes.subarray(from, from + pieceBytes));
  return shortener.text();
}

const UNIT = fc.constantFrom('a', '"', '\\', '\n', '\u0001', 'é', '€', '😀', '","decision":"allow', '|');
const TEXT = fc
  .tuple(fc.array(UNIT, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: LONGEST }))
  .map(([units, length]) => [...units.join('').repeat(length)].slice(0, length).join(''));
const LINE = fc.record({ first: TEXT, code: fc.integer(), second: TEXT, none: fc.constant(null) });

test(`push() leaves JSON with the same fields, each text whole or its beginning (seed ${SEED})`, () => {
  const whole = fc.property(LINE, fc.integer({ min: 1, max: 5000 }), (line, pieceBytes) => {
    const found = JSON.parse(shortened(JSON.stringify(line), pieceBytes)) as typeof line;
    expect(Object.keys(found)).toEqual(Object.keys(line));
    expect([found.code, found.none]).toEqual([line.code, null]);
    for (const name of ['first', 'second'] as const) expectBeginning(found[name], line[name]);
  });
  fc.assert(whole, { seed: SEED, numRuns: 100 });
});

function expectBeginning(found: string, text: string): void {
  const isWhole = Buffer.byteLength(JSON.stringify(text)) - 2 <= TEXT_BYTES;
  const isBeginning = found.endsWith('…') && text.startsWith(found.slice(0, -1));
  expect(found === text || (isBeginning && !isWhole)).toBe(true);
  expect(Buffer.byteLength(JSON.stringify(found))).toBeLessThanOrEqual(TEXT_BYTES + 10);
}

test('push() keeps little of what is no JSON', () => {
  expect(shortened('x'.repeat(1_000_000), 65_536)).toHaveLength(32 * 1024);
  expect(shortened('"a'.repeat(1_000_000), 65_536)).toHaveLength(32 * 1024);
});
