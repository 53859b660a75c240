import { formatTable } from './text-table.ts';

test('formatTable() pads columns to their widest cell and leaves no blanks at the end of a line', () => {
  const lines = formatTable([
    ['NAME', 'LANE', 'PROXY'],
    ['analytics', 'enforced', 'http://127.0.0.1:10000'],
    ['b', 'full', ''],
  ]);
  expect(lines).toEqual([
    'NAME        LANE       PROXY',
    'analytics   enforced   http://127.0.0.1:10000',
    'b           full',
  ]);
});

test('formatTable() keeps an empty first cell, so that rows can belong to the one above', () => {
  expect(
    formatTable([
      ['a', 'b'],
      ['', 'c'],
    ]),
  ).toEqual(['a   b', '    c']);
});

test('formatTable() shortens a column that is wider than its width', () => {
  const [line = ''] = formatTable([['a-very-long-name', 'x']], [8, 1]);
  expect(line).toMatch(/^a-very-… +x$/);
});

test('formatTable() has a line per row and none for no rows', () => {
  expect(formatTable([['only a heading']])).toEqual(['only a heading']);
});
