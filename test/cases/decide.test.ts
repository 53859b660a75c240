// Every row of every case, asked of decide(); and compiled.yaml, which must be what in.yaml compiles to.
import { decide, formatRule } from '../../operator/compile/decide.ts';
import { type CaseFolder, deciderOf, listCases, readCase, readCompiled } from './case-folder.ts';
import { type CaseRow, isAddressRow, parseCaseRows, requestOf, titleOf } from './case-rows.ts';
import { compiledFile } from './compiled-file.ts';

/** What a person reads in a review. */
const MOST_COMPILED_LINES = 120;
const SOME_ADDRESS = '192.0.2.7';

const cases = listCases().map(readCase);

function decideRow(found: CaseFolder, row: CaseRow): object {
  const { index, lane } = deciderOf(found, row);
  const { verdict, reason, rule } = decide(index, lane, requestOf(row, SOME_ADDRESS));
  const text = rule === undefined ? 'none' : formatRule(rule);
  return { verdict, reason, ...(row.rule === undefined ? {} : { rule: text }) };
}

/** Of an address row decide() sees the name alone, which is allowed. */
function wanted(row: CaseRow): object {
  const { verdict, reason, rule } = row;
  const judged = isAddressRow(row)
    ? { verdict: 'ALLOW', reason: 'DESTINATION_ALLOWED' }
    : { verdict, reason };
  return { ...judged, ...(rule === undefined ? {} : { rule }) };
}

describe.each(cases.map((found) => [found.name, found] as const))('%s', (name, found) => {
  it('says at the top of in.yaml what it shows', () => {
    expect(found.input).toMatch(/^# \S.*\n/);
  });

  it('compiles to compiled.yaml (after a change on purpose: node hack/generate-cases.ts)', () => {
    expect(readCompiled(name)).toBe(compiledFile(found.compiled));
  });

  it(`has a compiled.yaml of at most ${MOST_COMPILED_LINES} lines`, () => {
    expect(readCompiled(name).split('\n').length).toBeLessThanOrEqual(MOST_COMPILED_LINES);
  });

  it.each(found.rows.map((row) => [titleOf(row), row] as const))('decide(): %s', (_title, row) => {
    expect(decideRow(found, row)).toEqual(wanted(row));
  });
});

const ROW =
  'workspace: a, product: JOBS, asks: https://a.example/, verdict: ALLOW, reason: DESTINATION_ALLOWED';

describe('parseCaseRows()', () => {
  it.each([
    ['an unknown field', `- { ${ROW}, because: x }`, 'Unrecognized key: "because"'],
    [
      'an unknown reason',
      `- { ${ROW.replace('DESTINATION', 'NAME')} }`,
      'is none of operator/model/reason.ts',
    ],
    ['a tunnel in plain HTTP', `- { ${ROW.replace('https', 'http')}, inside: no-sni }`, 'needs a tunnel'],
    ['a file without rows', '[]', 'expected array to have >=1 items'],
  ])('rejects %s', (_what, text, message) => {
    expect(() => parseCaseRows('x/decisions.yaml', text)).toThrow(message);
  });
});
