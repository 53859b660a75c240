// Any traffic under any policy -> suggestions that allow what was recorded, nothing else, and nothing that was denied on
// purpose.
import fc from 'fast-check';
import { readPolicy } from '../../../test/fixtures/object-fixture.ts';
import { AT_MS, denied, indexWith, planned, SINCE_MS } from '../../../test/fixtures/suggest-fixture.ts';
import { indexTable, type TableIndex } from '../table-index.ts';
import { type DeniedTraffic, decideTraffic } from './denied-traffic.ts';
import { suggestPolicy } from './suggest-policy.ts';
import { suggestedGroups } from './suggested-table.ts';
import type { Suggestion } from './suggestion.ts';

const HOSTS = [
  ...['example.com', 'a.example.com', 'b.example.com', 'x.a.example.com', 'deep.x.a.example.com'],
  ...['one.github.io', 'two.github.io', 'app.eu.azurewebsites.net', 'd1.cloudfront.net'],
  ...[
    'acme-data.s3.us-west-2.amazonaws.com',
    'acme-data.s3.eu-west-1.amazonaws.com',
    'acme-data.s3.amazonaws.com',
  ],
  ...['other-data.s3.us-west-2.amazonaws.com', 's3.us-west-2.amazonaws.com', 'acme.blob.core.windows.net'],
  ...['acme.dfs.core.windows.net', 'acmf.blob.core.windows.net', 'gcs-data.storage.googleapis.com'],
  ...['sqs.us-west-2.amazonaws.com', 'storage.googleapis.com', '169.254.169.254', '192.0.2.1', 'single'],
  ...['ads.example.net', 'x.blocked.example.net', 'xn--bcher-kva.example', 'a.co.uk'],
] as const;

const host = fc.constantFrom(...HOSTS);
const port = fc.constantFrom(443, 80, 8443, 5432);
const protocol = fc.constantFrom('TLS', 'HTTP', 'TCP', null);
const asked = fc.record({
  host,
  port: fc.option(port, { freq: 6 }),
  protocol,
  isHidden: fc.nat(9).map((n) => n === 0),
  isDryRun: fc.nat(4).map((n) => n > 0),
});

const allowed = fc.record(
  {
    destination: fc.constantFrom(
      'a.example.com',
      '*.example.com',
      '*.x.a.example.com',
      'one.github.io',
      'b.example.com',
    ),
    ports: fc.array(fc.record({ port, protocol: fc.constantFrom('TLS', 'HTTP', 'TCP') }), { maxLength: 2 }),
  },
  { requiredKeys: ['destination'] },
);

const access = fc.record({
  allowedInternetDestinations: fc.array(allowed, { maxLength: 4 }),
  blockedInternetDestinations: fc.constantFrom(
    [],
    [{ destination: '*.blocked.example.net' }, { destination: 'ads.example.net' }],
  ),
  allowedStorageDestinations: fc.constantFrom(
    [],
    [
      { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
      { storageDestinationType: 'AWS_S3', bucketName: 'acme-logs', region: 'us-west-2' },
    ],
  ),
});

/** What a day in dry-run leaves in the denial log. */
function recorded(
  index: TableIndex,
  all: readonly {
    host: string;
    port: number | null;
    protocol: string | null;
    isHidden: boolean;
    isDryRun: boolean;
  }[],
) {
  return all.flatMap((one) => {
    const traffic = denied(one.host, {
      isDryRun: one.isDryRun,
      ...{ port: one.port, protocol: one.port === null ? null : (one.protocol as DeniedTraffic['protocol']) },
      sni: one.isHidden && one.protocol === 'TLS' ? 'hidden.example.org' : null,
    });
    const { verdict, reason } = decideTraffic(index, 'dry-run', traffic);
    return verdict === 'ALLOW' ? [] : [{ ...traffic, reason }];
  });
}

/** Whether both stand for one bucket, account or name. */
function samePlace(suggestion: Suggestion, name: string): boolean {
  return suggestion.added.some(
    (one) =>
      one.list === 'allowedStorageDestinations' &&
      suggestedGroups(readPolicy(), [one], []).some(({ names }) => names.includes(name)),
  );
}

function neighboursOf({ destination, port: own }: DeniedTraffic): readonly DeniedTraffic[] {
  const parent = destination.slice(destination.indexOf('.') + 1);
  const names = [
    ...[destination, `sub.${destination}`, `zz.${parent}`, parent, `x${destination}`],
    ...[destination.replace('us-west-2', 'eu-central-1'), destination.replace('acme', 'acmx')],
  ];
  return names.flatMap((name) =>
    [own ?? 443, 443, 80, 8443, 5432, 9999].flatMap((number) =>
      (['TLS', 'HTTP', 'TCP'] as const).map((kind) => denied(name, { port: number, protocol: kind })),
    ),
  );
}

function textOf({ destination, port: number, protocol: kind }: DeniedTraffic): string {
  return `${destination} ${number} ${kind}`;
}

test('suggestPolicy() never adds unasked what an enforced policy denied', () => {
  let heldBack = 0;
  const wildcards = fc.subarray(['a.example.com', 'data.example.com']);
  fc.assert(
    fc.property(access, fc.array(asked, { maxLength: 12 }), wildcards, (lists, all, wildcardZones) => {
      const [policy, workspace] = [readPolicy(lists), planned(lists)];
      const before = indexTable(workspace.table, AT_MS);
      const traffic = recorded(before, all);
      const suggestion = suggestPolicy({
        ...{ policy, workspaces: [workspace], traffic, uses: undefined, sinceMs: SINCE_MS, atMs: AT_MS },
        wildcardZones,
      });
      const after = indexWith(policy, workspace, suggestion);
      heldBack += suggestion.heldBack.length;
      for (const one of traffic.filter(({ isDryRun }) => !isDryRun))
        expect([one, decideTraffic(after, 'enforced', one).verdict]).toEqual([one, 'DROP']);
    }),
    { seed: 20_260_302, numRuns: 200 },
  );
  expect(heldBack).toBeGreaterThan(50);
});

test('suggestPolicy() allows all that was recorded, but what it lists apart, and nothing else', () => {
  let added = 0;
  fc.assert(
    fc.property(access, fc.array(asked, { maxLength: 12 }), (lists, all) => {
      const policy = readPolicy(lists);
      const workspace = planned(lists);
      const before = indexTable(workspace.table, AT_MS);
      const traffic = recorded(before, all);
      const suggestion = suggestPolicy({
        ...{ policy, workspaces: [workspace], traffic, uses: undefined, sinceMs: SINCE_MS, atMs: AT_MS },
        wildcardZones: [],
        includesDenied: true,
      });
      const after = indexWith(policy, workspace, suggestion);
      const apart = new Set(suggestion.apart.map((one) => one.traffic));
      const passing = traffic.filter((one) => !apart.has(one));
      added += suggestion.added.length;
      for (const one of passing)
        expect([one, decideTraffic(after, 'enforced', one).verdict]).toEqual([one, 'ALLOW']);
      const asks = new Set(passing.flatMap(waysOf));
      for (const one of traffic.flatMap(neighboursOf)) {
        if (
          asks.has(textOf(one)) ||
          (one.port === 443 && one.protocol === 'TLS' && samePlace(suggestion, one.destination))
        )
          continue;
        const [was, is] = [before, after].map((index) => decideTraffic(index, 'enforced', one).verdict);
        expect([textOf(one), is]).toEqual([textOf(one), was]);
      }
    }),
    { seed: 20_260_301, numRuns: 100 },
  );
  expect(added).toBeGreaterThan(100);
});

/** An entry for a DNS question is for TLS on 443; one for any bytes takes TLS, too. */
function waysOf(one: DeniedTraffic): readonly string[] {
  const known = { ...one, port: one.port ?? 443, protocol: one.protocol ?? ('TLS' as const) };
  return [textOf(known), ...(known.protocol === 'TCP' ? [textOf({ ...known, protocol: 'TLS' })] : [])];
}
