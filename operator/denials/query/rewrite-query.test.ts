import fc from 'fast-check';

import { rewriteQuery } from './rewrite-query.ts';

const rewritten: readonly (readonly [sql: string, expected: string])[] = [
  [
    'select * from system.access.outbound_network\nwhere a\nsort by event_time desc',
    'select * from access.outbound_network\nwhere a\nORDER BY event_time desc',
  ],
  ['FROM System . Access\n.outbound_network', 'FROM access.outbound_network'],
  ['Sort\tBy x', 'ORDER\tBY x'],
  [`select 'it''s' sort by 1`, `select 'it''s' ORDER BY 1`],
  [String.raw`select date'\' sort by 1`, String.raw`select date'\' ORDER BY 1`],
  ['/* /* */ sort by */ sort by 1', '/* /* */ sort by */ ORDER BY 1'],
  ['-- sort by\nsort by 1', '-- sort by\nORDER BY 1'],
  ['select $a$ $b$ sort by $a$ sort by 1', 'select $a$ $b$ sort by $a$ ORDER BY 1'],
];

const untouched: readonly string[] = [
  `'sort by'`,
  `'system.access.x`,
  '"system.access.x" "sort by"',
  String.raw`e'\' sort by '`,
  '$$system.access.$$',
  '/* sort by /* system.access. */',
  'resort by sort byte mysystem.access.x systems.access.x',
  'other.system.access.x "other" . system.access.x',
  'select access.sort, by from order by 1',
  '',
];

describe('rewriteQuery()', () => {
  test.each(rewritten)('turns %j into what DuckDB runs', (sql, expected) => {
    expect(rewriteQuery(sql)).toBe(expected);
  });

  test.each(untouched)('leaves %j as it is', (sql) => {
    expect(rewriteQuery(sql)).toBe(sql);
  });

  const hostile = fc
    .array(
      fc.oneof(fc.constantFrom('sort by', ' system.access.', "'", '"', '--', '/*', '$$', '\\'), fc.string()),
    )
    .map((parts) => parts.join(''));

  test('leaves string literals alone, whatever they hold', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const literal = `'${text.replaceAll("'", "''")}'`;
        const sql = `select ${literal} from system.access.t where a = ${literal} sort by b`;
        const expected = `select ${literal} from access.t where a = ${literal} ORDER BY b`;
        expect(rewriteQuery(sql)).toBe(expected);
      }),
    );
  });

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(hostile, (sql) => {
        expect(rewriteQuery(rewriteQuery(sql))).toBe(rewriteQuery(sql));
      }),
    );
  });
});
