import { type RowStoreOptions, readRowStore } from './collector-config.ts';

const CLICKHOUSE = 'https://clickhouse.example:8443/access';
const OTLP = 'https://otel.example:4318/v1/logs';

test('reads where rows go', () => {
  expect(readRowStore({ store: 'duckdb' })).toEqual({ store: 'duckdb', otlp: undefined });
  expect(readRowStore({ store: 'duckdb', otlpUrl: OTLP, otlpCredentials: '/run/otlp' })).toEqual({
    ...{ store: 'duckdb', otlp: { url: new URL(OTLP), credentials: '/run/otlp' } },
  });
  expect(readRowStore({ store: 'clickhouse', clickhouseUrl: CLICKHOUSE })).toEqual({
    ...{ store: { clickhouse: { url: new URL(CLICKHOUSE), credentials: undefined } }, otlp: undefined },
  });
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
])('says what is wrong with %j', (options, sentence) => {
  expect(() => readRowStore(options)).toThrow(sentence);
});
