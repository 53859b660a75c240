import { type RowStoreOptions, readRowStore } from './collector-config.ts';

const CLICKHOUSE = 'https://clickhouse.example:8443/access';
const OTLP = 'https://otel.example:4318/v1/logs';

test('reads where rows go', () => {
  expect(readRowStore({ store: 'duckdb' }, {})).toEqual({ store: 'duckdb' });
  expect(readRowStore({ store: 'duckdb', otlpUrl: OTLP, otlpCredentials: '/run/otlp' }, {})).toEqual({
    ...{ store: 'duckdb', otlp: { url: new URL(OTLP), credentials: '/run/otlp' } },
  });
  expect(readRowStore({ store: 'clickhouse', clickhouseUrl: CLICKHOUSE }, {})).toEqual({
    store: { clickhouse: { url: new URL(CLICKHOUSE), credentials: undefined } },
  });
});

test.each([
  ['/var/lib/denials', {}, { directory: '/var/lib/denials' }],
  ['s3://denials', {}, { bucket: { bucket: 'denials', prefix: '', endpoint: undefined } }],
  [
    's3://denials/cluster-1//a/',
    { AWS_ENDPOINT_URL: 'https://s3.example' },
    { bucket: { bucket: 'denials', prefix: 'cluster-1/a', endpoint: 'https://s3.example' } },
  ],
])('reads where days are exported: %s', (text, environment, exportTo) => {
  expect(readRowStore({ store: 'duckdb', export: text }, environment)).toMatchObject({ exportTo });
});

test.each<readonly [RowStoreOptions, string]>([
  [{ store: 'mysql' }, '--store: Cannot accept "mysql": use duckdb, clickhouse or otlp'],
  [{ store: 'clickhouse' }, '--store clickhouse needs --clickhouse-url: write an address such as'],
  [{ store: 'otlp' }, '--store otlp needs --otlp-url'],
  [{ store: 'duckdb', clickhouseUrl: CLICKHOUSE }, '--clickhouse-url has no effect'],
  [{ store: 'duckdb', otlpCredentials: '/run/otlp' }, '--otlp-credentials has no effect without --otlp-url'],
  [{ store: 'clickhouse', clickhouseUrl: 'clickhouse.example:8443' }, '--clickhouse-url: Cannot accept'],
  [
    { store: 'clickhouse', clickhouseUrl: 'https://user:secret@a.example/' },
    'Cannot accept "an address with a user"',
  ],
  [{ store: 'clickhouse', clickhouseUrl: 'https://a.example/a-b' }, '--clickhouse-url: Cannot accept'],
  [{ store: 'otlp', otlpUrl: 'https://a.example' }, '--otlp-url: Cannot accept'],
  [{ store: 'duckdb', export: 's3://A' }, '--export: Cannot accept "s3://A": write a directory, or a bucket'],
  [{ store: 'duckdb', export: 's3:/denials' }, '--export: Cannot accept "s3:/denials"'],
  [{ store: 'duckdb', export: 'gs://denials' }, '--export: Cannot accept "gs://denials"'],
  [{ store: 'otlp', otlpUrl: OTLP, export: '/a' }, '--export has no effect with "--store otlp"'],
])('says what is wrong with %j', (options, sentence) => {
  expect(() => readRowStore(options, {})).toThrow(sentence);
});
