import { manifest, readObject, readPolicy } from '../../test/fixtures/object-fixture.ts';
import type { DestinationGroup, EgressTable } from '../model/egress-table.ts';
import type { Metastore } from '../model/metastore.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';
import { compileEgressTable, type TableSources, tableName } from './egress-table.ts';

const NO_SOURCES: TableSources = { networkPolicyId: 'acme', metastores: [], privateEndpoints: [] };

function tableOf(access: Readonly<Record<string, unknown>>, more: Partial<TableSources> = {}): EgressTable {
  return compileEgressTable({ ...NO_SOURCES, policy: readPolicy(access), ...more });
}

function internet(...destinations: readonly (string | object)[]): EgressTable {
  const written = destinations.map((entry) => (typeof entry === 'string' ? { destination: entry } : entry));
  return tableOf({ allowedInternetDestinations: written });
}

function metastore(name: string, spec: Readonly<Record<string, unknown>> = {}): Metastore {
  return readObject(manifest('Metastore', name, { region: 'us-west-2', ...spec })) as Metastore;
}

function privateEndpoint(spec: Readonly<Record<string, unknown>>): PrivateEndpoint {
  return readObject(manifest('PrivateEndpoint', 'corp', spec)) as PrivateEndpoint;
}

function s3(bucketName: string, region: string): Readonly<Record<string, unknown>> {
  return { storageDestinationType: 'AWS_S3', bucketName, region };
}

function groupsOf(table: EgressTable, list: DestinationGroup['list']): readonly DestinationGroup[] {
  return table.spec.groups.filter((group) => group.list === list);
}

describe('compileEgressTable()', () => {
  it('groups entries that share everything but their names', () => {
    expect(
      internet('b.example', '*.a.example', {
        destination: 'db.example',
        ports: [{ port: 5432, protocol: 'TCP' }],
      }).spec.groups,
    ).toEqual([
      {
        list: 'allowedInternetDestinations',
        source: 'NetworkPolicy/acme',
        ports: [{ port: 5432, protocol: 'TCP' }],
        names: ['db.example'],
      },
      {
        list: 'allowedInternetDestinations',
        source: 'NetworkPolicy/acme',
        ports: [
          { port: 80, protocol: 'HTTP' },
          { port: 443, protocol: 'TLS' },
        ],
        names: ['*.a.example', 'b.example'],
      },
    ]);
  });

  it.each<[string, EgressTable]>([
    ['the order of destinations', internet('b.example', 'a.example')],
    ['duplicates', internet('a.example', 'b.example', 'a.example')],
    ['case and trailing dots', internet('A.example.', 'B.EXAMPLE')],
    [
      'default ports that are written out',
      internet(
        { destination: 'a.example', ports: [{ port: 443 }, { port: 80, protocol: 'HTTP' }] },
        'b.example',
      ),
    ],
    [
      'the order of ports',
      internet(
        { destination: 'a.example', ports: [{ port: 80, protocol: 'HTTP' }, { port: 443 }] },
        'b.example',
      ),
    ],
    [
      'ports written twice',
      internet(
        { destination: 'a.example', ports: [{ port: 80, protocol: 'HTTP' }, { port: 443 }, { port: 443 }] },
        'b.example',
      ),
    ],
    ['the reason of an entry', internet({ destination: 'a.example', reason: 'Ticket 7' }, 'b.example')],
    [
      'other lists that are empty',
      tableOf({
        allowedInternetDestinations: [{ destination: 'a.example' }, { destination: 'b.example' }],
        blockedInternetDestinations: [],
      }),
    ],
  ])('gives the same table whatever %s', (_, table) => {
    expect(table).toEqual(internet('a.example', 'b.example'));
  });

  it.each<[string, EgressTable]>([
    ['another name', internet('a.example', 'c.example')],
    ['a wildcard', internet('a.example', '*.b.example')],
    ['another port', internet('a.example', { destination: 'b.example', ports: [{ port: 443 }] })],
    ['an end', internet('a.example', { destination: 'b.example', expiresAt: '2027-01-01T00:00:00Z' })],
    ['nothing', internet()],
  ])('changes the revision, and the revision only, with %s', (_, table) => {
    const before = internet('a.example', 'b.example');
    expect(table.metadata).toEqual(before.metadata);
    expect(table.spec.revision).not.toBe(before.spec.revision);
  });

  it('names the table after its sources, so that workspaces with other metastores have other tables', () => {
    const names = [[], [metastore('a')], [metastore('b')], [metastore('a'), metastore('b')]].map(
      (metastores) => tableName({ ...NO_SOURCES, metastores }),
    );
    expect(new Set(names).size).toBe(4);
    expect(tableName({ ...NO_SOURCES, metastores: [metastore('a')] })).toBe(names[1]);
  });

  it('tells a metastore from a private endpoint of the same name', () => {
    const asMetastore = tableName({ ...NO_SOURCES, metastores: [metastore('corp')] });
    expect(tableName({ ...NO_SOURCES, privateEndpoints: [privateEndpoint({})] })).not.toBe(asMetastore);
  });

  it.each(['Acme', '.acme', '_a_', '...', 'a'.repeat(32), '(unknown)'])(
    'gives the table of policy %s a name that objects may have',
    (networkPolicyId) => {
      const name = tableName({ ...NO_SOURCES, networkPolicyId });
      expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      expect(name).not.toBe(tableName({ ...NO_SOURCES, networkPolicyId: 'acme' }));
    },
  );

  it('keeps the table of a conflicted workspace apart from that of its policy', () => {
    const conflicted: TableSources = {
      ...NO_SOURCES,
      policy: readPolicy(),
      denyReason: 'WORKSPACE_CONFLICTED',
    };
    expect(tableName(conflicted)).not.toBe(tableName(NO_SOURCES));
  });

  it.each(['POLICY_NOT_FOUND', 'POLICY_UNREADABLE', 'WORKSPACE_CONFLICTED'] as const)(
    'writes a table without groups for %s, whatever its sources allow',
    (denyReason) => {
      const table = tableOf({ allowedInternetDestinations: [{ destination: 'a.example' }] }, { denyReason });
      expect(table.spec).toMatchObject({ denyReason, groups: [] });
    },
  );

  it('writes a table that allows nothing for an empty policy', () => {
    expect(tableOf({}).spec.groups).toEqual([]);
  });

  it('blocks on every port', () => {
    const table = tableOf({ blockedInternetDestinations: [{ destination: '*.evil.example' }] });
    expect(groupsOf(table, 'blockedInternetDestinations')).toMatchObject([
      { ports: [], names: ['*.evil.example'] },
    ]);
  });

  it('turns storage destinations into the hosts of the bucket, for TLS only', () => {
    const table = tableOf({ allowedStorageDestinations: [s3('acme-data', 'us-west-2')] });
    const [group] = groupsOf(table, 'allowedStorageDestinations');
    expect(group?.ports).toEqual([{ port: 443, protocol: 'TLS' }]);
    expect(group?.names).toContain('acme-data.s3.us-west-2.amazonaws.com');
  });

  it('implies external locations in the region of the metastore, and no other (R15, R21, R81)', () => {
    const externalLocations = [
      s3('near', 'us-west-2'),
      s3('far', 'us-east-1'),
      { storageDestinationType: 'GOOGLE_CLOUD_STORAGE', bucketName: 'nowhere' },
    ];
    const table = tableOf({}, { metastores: [metastore('main', { externalLocations })] });
    const names = groupsOf(table, 'externalLocations').flatMap((group) => group.names);
    expect(names.filter((name) => !name.startsWith('near.'))).toEqual([]);
    expect(names).toContain('near.s3.us-west-2.amazonaws.com');
  });

  it('implies connections until their transition ends (R20)', () => {
    const transitionEndTime = '2027-06-30T00:00:00Z';
    const connections = [
      {
        name: 'db',
        destination: 'DB.example.com',
        ports: [{ port: 5432, protocol: 'TCP' }],
        transitionEndTime,
      },
    ];
    const table = tableOf({}, { metastores: [metastore('main', { connections })] });
    expect(groupsOf(table, 'connections')).toEqual([
      {
        list: 'connections',
        source: 'Metastore/main',
        ports: [{ port: 5432, protocol: 'TCP' }],
        expiresAt: transitionEndTime,
        names: ['db.example.com'],
      },
    ]);
  });

  it('implies the domains of private endpoints and binds them to their ranges (R17)', () => {
    const addressRanges = ['10.9.9.9/8', '10.0.0.0/8', '192.168.7.1'];
    const endpoint = privateEndpoint({ domains: ['api.corp.example'], addressRanges });
    expect(groupsOf(tableOf({}, { privateEndpoints: [endpoint] }), 'privateEndpoints')).toMatchObject([
      { addressRanges: ['10.0.0.0/8', '192.168.7.1/32'], names: ['api.corp.example'] },
    ]);
  });

  it('lets a removed domain count no more at once (lifts R18)', () => {
    const endpoint = privateEndpoint({ domains: [] });
    expect(tableOf({}, { privateEndpoints: [endpoint] }).spec.groups).toEqual([]);
  });

  it('keeps 2,500 destinations as written', () => {
    const destinations = Array.from({ length: 2500 }, (_, at) => `host-${at}.example.com`);
    const [group, ...others] = internet(...destinations).spec.groups;
    expect(group?.names).toHaveLength(2500);
    expect(others).toEqual([]);
  });
});

describe('compileEgressTable() remembers:', () => {
  const policy = readPolicy({ allowedInternetDestinations: [{ destination: 'a.example' }] });
  const lake = metastore('lake', { externalLocations: [s3('acme', 'us-west-2')] });
  const sources: TableSources = { ...NO_SOURCES, policy, metastores: [lake] };

  it('the very same sources give the very same table', () => {
    expect(compileEgressTable({ ...sources })).toBe(compileEgressTable(sources));
  });

  it.each<[string, Partial<TableSources>]>([
    ['another policy of the same name', { policy: readPolicy() }],
    ['another metastore of the same name', { metastores: [metastore('lake')] }],
    ['no metastore', { metastores: [] }],
    ['a private endpoint more', { privateEndpoints: [privateEndpoint({ domains: ['b.example'] })] }],
    ['a reason to deny', { denyReason: 'WORKSPACE_CONFLICTED' }],
    ['another id', { networkPolicyId: 'other' }],
  ])('%s gives another table, and the first stays what it was', (_, change) => {
    const before = structuredClone(compileEgressTable(sources));
    expect(compileEgressTable({ ...sources, ...change })).not.toEqual(before);
    expect(compileEgressTable(sources)).toEqual(before);
  });
});
