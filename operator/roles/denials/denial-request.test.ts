import { type DenialsOptions, readRequest } from './denial-request.ts';

test('readRequest() has 1,000 rows as a table, unless it is told otherwise', () => {
  expect(readRequest({})).toEqual({ kind: 'list', output: 'table', limit: 1000, filter: {} });
  expect(readRequest({ limit: '0', output: 'csv', namespace: 'team-a' })).toEqual({
    ...{ kind: 'list', output: 'csv', limit: Number.POSITIVE_INFINITY },
    filter: { workspace: 'team-a' },
  });
  expect(readRequest({ top: true })).toMatchObject({
    kind: 'top',
    limit: 10,
    filter: { sinceMs: 86_400_000 },
  });
  expect(readRequest({ top: '3', since: '2h' })).toMatchObject({ limit: 3, filter: { sinceMs: 7_200_000 } });
  expect(readRequest({ follow: true, json: true })).toMatchObject({ kind: 'follow', output: 'json' });
  expect(readRequest({ sql: 'select 1' })).toEqual({ kind: 'sql', sql: 'select 1', output: 'table' });
});

test.each<[DenialsOptions, string]>([
  [{}, 'LIMIT 1000001'],
  [
    { limit: '5', pod: 'etl-0' },
    "WHERE pod = 'etl-0' ORDER BY event_time DESC, sequence DESC, event_id DESC LIMIT 5",
  ],
  [{ top: '3' }, 'LIMIT 3'],
  [{ sql: 'select 1' }, 'select 1'],
])('readRequest() has %j as Parquet', (options, sql) => {
  expect(readRequest({ ...options, output: 'parquet' })).toEqual({
    ...{ kind: 'parquet', sql: expect.stringContaining(sql) },
  });
});

test.each<[DenialsOptions, string]>([
  [{ failures: true }, 'Cannot show --failures: the log has what was denied, and not yet'],
  [{ sql: 'x', top: true }, 'Cannot combine --sql with --top: '],
  [{ follow: true, top: '3' }, 'Cannot combine --follow with --top: '],
  [{ follow: true, limit: '3' }, 'Cannot combine --limit with --follow: '],
  [{ top: true, limit: '3' }, 'Cannot combine --limit with --top: '],
  [{ since: '1h', until: '2h' }, 'Cannot show denials from --since 1h to --until 2h: '],
  [{ until: 'soon' }, '--until: '],
  [{ until: '1h', follow: true }, 'Cannot combine --until with --top or --follow: '],
  [{ namespace: 'a', workspace: 'b' }, 'Cannot combine --namespace with --workspace: '],
  [{ inbound: true, pod: 'a' }, 'Cannot combine --inbound with --pod, --policy or --product: '],
  [{ json: true, output: 'csv' }, 'Cannot combine --json with another -o: '],
  [{ output: 'xml' }, '-o: Cannot write "xml": choose table, json, yaml, csv, parquet'],
  [{ output: 'parquet', follow: true }, 'Cannot combine --follow with -o parquet: '],
  [{ output: 'parquet', sql: 'x', pod: 'a' }, 'Cannot combine --sql with --pod: '],
  [{ backup: true, since: '1h' }, 'Cannot combine --backup with --since: '],
  [{ backup: true, output: 'csv' }, 'Cannot combine --backup with -o: '],
  [{ since: 'now' }, '--since: Cannot read duration "now": '],
  [{ limit: '-1' }, '--limit: Cannot read "-1": '],
  [{ top: '0' }, '--top: Cannot show "0" destinations: write a number from 1 to 1000'],
  [{ top: '5000' }, '--top: Cannot show "5000" destinations: '],
])('readRequest() says of %j what to change', (options, sentence) => {
  expect(readRequest(options)).toEqual({ error: expect.stringContaining(sentence) });
});
