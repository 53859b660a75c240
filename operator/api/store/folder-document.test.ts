import fc from 'fast-check';
import { CORE_SCHEMA, loadAll } from 'js-yaml';
import { withDocument } from './folder-document.ts';

interface Line {
  readonly text: string;
  /** Which it belongs to; undefined for comments and what never changes. */
  readonly field?: string;
}

interface Spec {
  readonly label: string;
  readonly listType: 'ALLOW' | 'BLOCK';
  readonly enabled?: boolean;
  readonly ipAddresses: readonly string[];
}

const RUNS = Number(process.env['RUNS'] ?? 300);
const SEED = Number(process.env['SEED'] ?? 13);

const words = fc.constantFrom(
  'Office',
  'it is: so',
  "it's",
  '#1',
  '"both"',
  'yes',
  '12',
  'Zürich',
  'a, b',
  '[x]',
);
const addresses = fc.uniqueArray(
  fc.nat(6).map((at) => `10.${at}.0.0/16`),
  { minLength: 1, maxLength: 5 },
);
const specs: fc.Arbitrary<Spec> = fc.record(
  {
    label: words,
    listType: fc.constantFrom('ALLOW', 'BLOCK'),
    enabled: fc.boolean(),
    ipAddresses: addresses,
  },
  { requiredKeys: ['label', 'listType', 'ipAddresses'], noNullPrototype: true },
);
const comment = fc.constantFrom('', '   # why: [it is]', ' #x');
const wholeLine = fc.constantFrom([], [], ['# a comment'], ['', '      # deep'], ['#one', '  # - two', '']);

const quoted = (value: string): fc.Arbitrary<string> =>
  fc.constantFrom(JSON.stringify(value), `'${value.replaceAll("'", "''")}'`);

/** All values in the order of `arbitraries`. */
const all = <Value>(arbitraries: readonly fc.Arbitrary<Value>[]): fc.Arbitrary<Value[]> =>
  fc.tuple(...arbitraries);

function fieldLines(name: string, value: unknown): fc.Arbitrary<Line[]> {
  if (!Array.isArray(value)) {
    const text = typeof value === 'string' ? quoted(value) : fc.constant(String(value));
    return fc
      .tuple(wholeLine, text, comment)
      .map(([before, one, behind]) => [
        ...before.map((line) => ({ text: line })),
        { text: `  ${name}: ${one}${behind}`, field: name },
      ]);
  }
  const items = value as readonly string[];
  const flow = fc
    .constantFrom(', ', ' , ')
    .map((comma) => [{ text: `  ${name}: [ ${items.join(comma)}]`, field: name }]);
  const block = fc
    .tuple(
      fc.constantFrom('  ', '    '),
      comment,
      all(items.map((item) => fc.tuple(wholeLine, quoted(item), comment))),
    )
    .map(([indent, behind, lines]) => [
      { text: `  ${name}:${behind}` },
      ...lines.flatMap(([before, text, after], at) => [
        ...before.map((line) => ({ text: line })),
        { text: `${indent}- ${text}${after}`, field: `item ${items[at]}` },
      ]),
    ]);
  return fc.oneof(flow, block);
}

function documentLines(spec: Spec, name: string): fc.Arbitrary<Line[]> {
  const fields = fc.shuffledSubarray(Object.entries(spec), { minLength: Object.keys(spec).length });
  const block = fields
    .chain((entries) => all(entries.map(([key, value]) => fieldLines(key, value))))
    .map((lines) => [{ text: 'spec: # of it' }, ...lines.flat()]);
  const flow = fields.map((entries) => [
    {
      text: `spec: { ${entries.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(',  ')} }`,
      field: 'spec',
    },
  ]);
  return fc
    .tuple(wholeLine, comment, fc.oneof(block, flow), wholeLine)
    .map(([before, behind, body, after]) => [
      ...before.map((text) => ({ text })),
      { text: `kind: IpAccessList${behind}` },
      { text: `metadata: {name: ${name},   labels: { a: "b" }}` },
      ...body,
      ...after.map((text) => ({ text })),
    ]);
}

interface Scene {
  readonly lines: readonly Line[];
  readonly newline: string;
  readonly specs: readonly Spec[];
  readonly at: number;
  readonly wanted: Spec;
}

const scenes: fc.Arbitrary<Scene> = fc
  .tuple(fc.array(specs, { minLength: 1, maxLength: 3 }), fc.nat(2), specs, fc.constantFrom('\n', '\r\n'))
  .chain(([each, at, wanted, newline]) =>
    all(each.map((spec, number) => documentLines(spec, `n${number}`))).map((documents) => {
      const target = at % each.length;
      const lines = documents.flatMap((document, number) => [
        ...(number === 0 ? [] : [{ text: number === 1 ? '---' : '--- # next' }]),
        ...document.map(({ text, field }) =>
          number === target && field !== undefined ? { text, field } : { text },
        ),
      ]);
      return { lines, newline, specs: each, at: target, wanted };
    }),
  );

/** Lines that a change of the spec may touch. */
function changedFields(before: Spec, wanted: Spec): ReadonlySet<string> {
  const [former, next] = [before, wanted].map((spec) => new Map<string, unknown>(Object.entries(spec)));
  const names = Object.keys(before).filter(
    (name) => JSON.stringify(former?.get(name)) !== JSON.stringify(next?.get(name)),
  );
  const [common, same] = [
    before.ipAddresses.filter((item) => wanted.ipAddresses.includes(item)),
    wanted.ipAddresses.filter((item) => before.ipAddresses.includes(item)),
  ];
  const keepsOrder = common.join() === same.join();
  const items = before.ipAddresses.filter((item) => !keepsOrder || !common.includes(item));
  const isSame = JSON.stringify(before) === JSON.stringify(wanted);
  return new Set([...names, ...items.map((item) => `item ${item}`), ...(isSame ? [] : ['spec'])]);
}

/** Those that are not in the text any more, in their order. */
function lostLines(lines: readonly string[], text: string): readonly string[] {
  const found = text.split(/(?<=\n)/);
  let at = 0;
  return lines.filter((line) => {
    const next = found.indexOf(line, at);
    if (next !== -1) at = next + 1;
    return next === -1;
  });
}

test('a change leaves every line that is not of a changed field as it was', () => {
  fc.assert(
    fc.property(scenes, ({ lines, newline, specs: former, at, wanted }) => {
      const text = lines.map((line) => `${line.text}${newline}`).join('');
      const before = loadAll(text, { schema: CORE_SCHEMA })[at] as object;
      const changed = withDocument(text, at, { ...before, spec: wanted });
      if (changed === undefined) throw new Error('refused');
      const values = loadAll(changed, { schema: CORE_SCHEMA }) as readonly { spec: Spec }[];
      expect(values.map(({ spec }) => spec)).toEqual(former.toSpliced(at, 1, wanted));
      const fields = changedFields(former[at] ?? wanted, wanted);
      const kept = lines.filter(({ field }) => field === undefined || !fields.has(field));
      expect(
        lostLines(
          kept.map((line) => `${line.text}${newline}`),
          changed,
        ),
      ).toEqual([]);
      if (newline === '\r\n') expect(changed).not.toMatch(/[^\r]\n/);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('the removal of one document leaves the others and the comments around it', () => {
  fc.assert(
    fc.property(scenes, ({ lines, newline, specs: former, at }) => {
      const text = lines.map((line) => `${line.text}${newline}`).join('');
      const changed = withDocument(text, at, undefined);
      if (changed === undefined) throw new Error('refused');
      const values = loadAll(changed, { schema: CORE_SCHEMA }).filter((value) => value !== null) as {
        spec: Spec;
      }[];
      expect(values.map(({ spec }) => spec)).toEqual(former.toSpliced(at, 1));
      const first = text.split(/(?<=\n)/).findIndex((line) => line.startsWith('kind:'));
      const head = text.split(/(?<=\n)/).slice(0, first);
      expect(lostLines(head, changed)).toEqual([]);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test.each([
  ['a directive', '%YAML 1.2\n---\na: 1\n'],
  ['an explicit end', 'a: 1\n...\n'],
  ['a value that another one repeats', 'a: &x [1]\nb: *x\n'],
])('a text with %s is not edited', (_what, text) => {
  expect(withDocument(text, 0, { a: [2], b: [1] })).toBeUndefined();
});
