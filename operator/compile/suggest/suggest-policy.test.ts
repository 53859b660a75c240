import { manifest } from '../../../test/fixtures/object-fixture.ts';
import {
  type Access,
  denied,
  LONG_AGO,
  planned,
  suggestionFor,
} from '../../../test/fixtures/suggest-fixture.ts';
import type { EntryUse } from '../../model/entry-uses.ts';
import type { DeniedTraffic } from './denied-traffic.ts';
import { describeDestination } from './entry-of-host.ts';

test('suggestPolicy() names a host with just the ports that were asked for', () => {
  const { added } = suggestionFor({}, [
    denied('a.example.com'),
    denied('a.example.com', { port: 8443, protocol: null, product: 'DBSQL' }),
    denied('b.example.com'),
    denied('b.example.com', { port: 80, protocol: 'HTTP' }),
    denied('db.example.com', { port: 5432, protocol: 'TCP', reason: 'NOT_TLS' }),
    denied('asked.example.com', { port: null, protocol: null }),
  ]);
  expect(added.map(({ destination, assumed }) => [destination, assumed])).toEqual([
    [
      {
        destination: 'a.example.com',
        ports: [
          { port: 443, protocol: 'TLS' },
          { port: 8443, protocol: 'TLS' },
        ],
      },
      'TLS',
    ],
    [{ destination: 'b.example.com' }, undefined],
    [{ destination: 'db.example.com', ports: [{ port: 5432, protocol: 'TCP' }] }, undefined],
    [{ destination: 'asked.example.com', ports: [{ port: 443, protocol: 'TLS' }] }, 'PORT'],
  ]);
});

test('suggestPolicy() counts who asked, and when', () => {
  const one = denied('a.example.com');
  const evidence = {
    ...one.evidence,
    count: 5,
    firstSeen: '2026-03-01T01:00:00Z',
    lastSeen: '2026-03-01T09:00:00Z',
  };
  const other = denied('a.example.com', {
    evidence: { ...evidence, products: ['DBSQL'], pods: ['etl-0'] },
  });
  expect(suggestionFor({}, [one, other]).added[0]?.evidence).toEqual({
    ...{ count: 6, firstSeen: one.evidence.firstSeen, lastSeen: '2026-03-01T09:00:00Z' },
    ...{ products: ['DBSQL', 'JOBS'], workspaces: ['alpha'], pods: ['etl-0'] },
  });
});

test.each([
  ['acme-data.s3.us-west-2.amazonaws.com', 's3://acme-data (us-west-2)'],
  ['acme-data.s3.dualstack.eu-west-1.amazonaws.com', 's3://acme-data (eu-west-1)'],
  ['acme-data.s3-fips.us-gov-west-1.amazonaws.com', 's3://acme-data (us-gov-west-1)'],
  ['acme-data.s3.cn-north-1.amazonaws.com.cn', 's3://acme-data (cn-north-1)'],
  ['acme.blob.core.windows.net', 'azure://acme/blob'],
  ['acme-secondary.dfs.core.windows.net', 'azure://acme/dfs'],
  ['acme-data.s3-us-west-2.amazonaws.com', 's3://acme-data (us-west-2)'],
  ['acme-data.s3.eusc-de-east-1.amazonaws.com', 's3://acme-data (eusc-de-east-1)'],
  ['acme-data.storage.googleapis.com', 'gs://acme-data'],
  ['acme-data.storage.europe-west3.rep.googleapis.com', 'gs://acme-data (europe-west3)'],
  // Their names do not say everything that an entry needs: only just this name is allowed.
  ['acme-data.s3.amazonaws.com', 'acme-data.s3.amazonaws.com'],
  ...[
    ...['s3-website-us-west-2', 's3-website.eu-central-1', 's3-accelerate', 's3-accelerate.dualstack'],
    ...['s3-fips', 's3-fips-us-gov-west-1', 's3.dualstack', 's3-external-1', 's3-accesspoint.us-west-2'],
  ].map((endpoint) => Array<string>(2).fill(`acme-data.${endpoint}.amazonaws.com`) as [string, string]),
  ['acme.data.s3.us-west-2.amazonaws.com', 'acme.data.s3.us-west-2.amazonaws.com'],
  ['acme.blob.core.usgovcloudapi.net', 'acme.blob.core.usgovcloudapi.net'],
  ['acme.oss-cn-hangzhou.aliyuncs.com', 'acme.oss-cn-hangzhou.aliyuncs.com'],
])('suggestPolicy() makes of %s the entry %s', (host, text) => {
  const { added, apart } = suggestionFor({}, [denied(host, { reason: 'BUCKET_NOT_ALLOWED' })]);
  expect(apart).toEqual([]);
  expect(added.map(describeDestination)).toEqual([text]);
});

test.each<[Partial<DeniedTraffic>, RegExp]>([
  [{ destination: '169.254.169.254', reason: 'METADATA_ADDRESS' }, /never reachable/],
  [{ destination: '192.0.2.7', reason: 'IP_LITERAL' }, /ask by name/],
  [{ destination: 'ads.example.com', reason: 'DESTINATION_NOT_ALLOWED' }, /blocked destination matches/],
  [{ reason: 'SNI_MISMATCH', sni: 'other.example.com' }, /server name inside the tunnel/],
  [{ sni: 'other.example.com' }, /server name inside the tunnel/],
  [{ reason: 'ADDRESS_DENIED' }, /PrivateEndpoint/],
  [{ destination: 's3.us-west-2.amazonaws.com', reason: 'STORAGE_PATH_STYLE' }, /virtual-hosted/],
  [{ destination: 'internal', reason: 'DESTINATION_NOT_ALLOWED' }, /full domain name/],
  [{ destination: 'db.team.svc.cluster.local' }, /clusterAccess/],
  [{ destination: 'co.uk' }, /public suffix/],
  [{ protocol: 'TCP', reason: 'NOT_TLS' }, /by hand/],
  [{ product: 'PROVISIONED_THROUGHPUT' }, /reaches no internet destination/],
  [{ destination: 'db.private.example', port: 9000 }, /PrivateEndpoint\/db: change its ports there/],
  [{ workspace: 'gone' }, /not under this policy/],
  [{ reason: 'DENIED_BY_A_LATER_VERSION' }, /DENIED_BY_A_LATER_VERSION/],
])('suggestPolicy() adds nothing for %j', (changes, why) => {
  const access = { blockedInternetDestinations: [{ destination: 'ads.example.com' }] };
  const endpoint = manifest('PrivateEndpoint', 'db', {
    ...{ domains: ['db.private.example'], addressRanges: ['10.1.0.0/24'], workspaces: ['alpha'] },
  });
  const traffic = [denied('plain.example.com', changes)];
  const { added, apart } = suggestionFor(access, traffic, { workspaces: [planned(access, endpoint)] });
  expect(added).toEqual([]);
  expect(apart.map((one) => one.why)).toEqual([expect.stringMatching(why)]);
});

test('suggestPolicy() adds nothing for what the policy allows by now', () => {
  const access = { allowedInternetDestinations: [{ destination: '*.example.com' }] };
  const { added, apart, allowedByNow } = suggestionFor(access, [denied('a.example.com')]);
  expect({ added, apart, allowedByNow }).toEqual({ added: [], apart: [], allowedByNow: 1 });
});

test('suggestPolicy() leaves out and counts what was asked for less often than is wanted', () => {
  const junk = Array.from({ length: 20 }, (_, at) => denied(`r${at}.junk.example`));
  const needed = [denied('needed.example'), denied('needed.example', { port: 8443 })];
  const { added, tooRare } = suggestionFor({}, [...junk, ...needed], { minCount: 2 });
  expect({ names: added.map(describeDestination), tooRare }).toEqual({
    names: ['needed.example'],
    tooRare: 20,
  });
});

test('suggestPolicy() makes a wildcard only of names directly below a zone that a person names', () => {
  const zones = ['data.example.com', 'example.com', 'database.windows.net', 'cloud.databricks.com'];
  const hosts = ['a', 'b', 'c'].flatMap((name) => zones.map((zone) => `${name}.${zone}`));
  const traffic = [...hosts.map((host) => denied(host)), denied('d.data.example.com', { port: 8443 })];
  const names = (...wildcardZones: readonly string[]): readonly string[] =>
    suggestionFor({}, traffic, { wildcardZones }).added.map(describeDestination).toSorted();
  expect(names()).toEqual([...hosts, 'd.data.example.com'].toSorted());
  expect(names('other.example.com')).toEqual(names());
  expect(names('data.example.com')).toEqual([
    '*.data.example.com',
    ...names().filter((name) => !/^[abc]\.data\./.test(name)),
  ]);
});

const LISTED: Access = {
  allowedInternetDestinations: [
    { destination: 'used.example.com' },
    { destination: 'unused.example.com' },
    { destination: '*.wild.example.com', ports: [{ port: 8443 }] },
    { destination: 'gone.example.com', expiresAt: LONG_AGO },
    { destination: 'new.example.com' },
  ],
  allowedStorageDestinations: [
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-logs', region: 'us-west-2' },
  ],
};

function use(entry: string, lastUsed: string | null, since = LONG_AGO): EntryUse {
  const list = entry.startsWith('s3:') ? 'allowedStorageDestinations' : 'allowedInternetDestinations';
  return { list, entry, since, connections: lastUsed === null ? 0 : 1, firstUsed: lastUsed, lastUsed };
}

const USES: readonly EntryUse[] = [
  use('used.example.com', '2026-03-01T12:00:00Z'),
  use('unused.example.com', '2026-02-01T00:00:00Z'),
  use('*.wild.example.com', null),
  use('new.example.com', null, '2026-03-01T20:00:00Z'),
  use('s3://acme-data', '2026-03-01T12:00:00Z'),
  use('s3://acme-logs', null),
];

test('suggestPolicy() names entries that were counted for the whole time and not used', () => {
  const { removed, tooNew } = suggestionFor(LISTED, [], { uses: USES });
  expect(removed.map(({ text, why }) => `${text}: ${why}`)).toEqual([
    'unused.example.com: last used at 2026-02-01T00:00:00Z',
    '*.wild.example.com 8443/TLS: never used since it is counted',
    'gone.example.com: expired at 2026-01-01T00:00:00Z',
    's3://acme-logs (us-west-2): never used since it is counted',
  ]);
  expect(tooNew).toEqual([{ text: 'new.example.com', since: '2026-03-01T20:00:00Z' }]);
});

test('suggestPolicy() keeps an entry that ends a denial of before, and all where nobody counts', () => {
  const traffic = [denied('x.wild.example.com', { port: 8443 })];
  const { removed } = suggestionFor(LISTED, traffic, { uses: USES });
  expect(removed.map(({ text }) => text)).not.toContain('*.wild.example.com 8443/TLS');
  expect(suggestionFor(LISTED, [])).toMatchObject({ removed: [], tooNew: undefined });
  const open = { ...LISTED, restrictionMode: 'FULL_ACCESS' };
  expect(suggestionFor(open, [], { uses: USES })).toMatchObject({ removed: [], tooNew: undefined });
});
