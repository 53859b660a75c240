import { manifest, readObject, readPolicy } from '../../test/fixtures/object-fixture.ts';
import type { EgressTable } from '../model/egress-table.ts';
import { LANES, type Lane } from '../model/lane.ts';
import type { Metastore } from '../model/metastore.ts';
import type { PrivateEndpoint } from '../model/private-endpoint.ts';
import { isDeniedAlways, type Reason } from '../model/reason.ts';
import { type Decision, decide, decideName, type EgressRequest, findRule, formatRule } from './decide.ts';
import { compileEgressTable } from './egress-table.ts';
import { indexTable } from './table-index.ts';

const POLICY = readPolicy({
  allowedInternetDestinations: [
    { destination: 'example.com' },
    { destination: '*.data.example.org' },
    { destination: 'db.example.com', ports: [{ port: 5432, protocol: 'TCP' }] },
    { destination: 'secret.data.example.org', ports: [{ port: 8443 }] },
    { destination: 'shut.example.com', ports: [] },
    { destination: 'metadata.google.internal' },
    { destination: 'old.example.com', expiresAt: '2026-01-01T00:00:00Z' },
  ],
  blockedInternetDestinations: [
    { destination: 'evil.data.example.org' },
    { destination: '*.evil.data.example.org' },
  ],
  allowedStorageDestinations: [
    { storageDestinationType: 'AWS_S3', bucketName: 'acme-data', region: 'us-west-2' },
    { storageDestinationType: 'AZURE_STORAGE', azureStorageAccount: 'acct', azureStorageService: 'blob' },
  ],
});
const CONNECTION = { name: 'db', destination: 'crm.example.com', transitionEndTime: '2027-01-01T00:00:00Z' };
const SOURCES = {
  networkPolicyId: 'acme',
  policy: POLICY,
  metastores: [
    readObject(
      manifest('Metastore', 'main', { region: 'us-west-2', connections: [CONNECTION] }),
    ) as Metastore,
  ],
  privateEndpoints: [
    readObject(
      manifest('PrivateEndpoint', 'corp', { domains: ['*.corp.example'], addressRanges: ['10.0.0.0/8'] }),
    ) as PrivateEndpoint,
  ],
};
const TABLE = compileEgressTable(SOURCES);
const NOW_MS = Date.parse('2026-11-23T00:00:00Z');

function answer(lane: Lane, request: EgressRequest, table: EgressTable = TABLE): Decision {
  return decide(indexTable(table.spec, NOW_MS), lane, request);
}

/** A tunnel in which the client names the host itself, unless given otherwise. */
function tls(host: string, port = 443, sni: string | null = host): EgressRequest {
  return { via: 'CONNECT', host, port, inside: { kind: 'TLS', sni } };
}

function bytes(host: string, port: number): EgressRequest {
  return { via: 'CONNECT', host, port, inside: { kind: 'OTHER' } };
}

function http(host: string, port = 80): EgressRequest {
  return { via: 'HTTP', host, port };
}

function shown(decision: Decision): readonly (string | undefined)[] {
  return [
    decision.verdict,
    decision.reason,
    decision.rule === undefined ? undefined : formatRule(decision.rule),
  ];
}

const ALLOWED = 'allowedInternetDestinations';
const OF_ACME = 'of NetworkPolicy/acme';
const RULE = {
  example: `${ALLOWED} "example.com" ${OF_ACME}`,
  data: `${ALLOWED} "*.data.example.org" ${OF_ACME}`,
  secret: `${ALLOWED} "secret.data.example.org" ${OF_ACME}`,
  db: `${ALLOWED} "db.example.com" ${OF_ACME}`,
  shut: `${ALLOWED} "shut.example.com" ${OF_ACME}`,
  evil: `blockedInternetDestinations "evil.data.example.org" ${OF_ACME}`,
  underEvil: `blockedInternetDestinations "*.evil.data.example.org" ${OF_ACME}`,
  bucket: `allowedStorageDestinations "s3://acme-data" ${OF_ACME}`,
  blob: `allowedStorageDestinations "azure://acct/blob" ${OF_ACME}`,
  crm: 'connections "crm.example.com" of Metastore/main',
  corp: 'privateEndpoints "*.corp.example" of PrivateEndpoint/corp',
} as const;

const BUCKET = 'acme-data.s3.us-west-2.amazonaws.com';

type Row = readonly [EgressRequest, Decision['verdict'], Reason, string?];

/** What the enforced lane says; the lanes of dry-run are derived below. */
const ENFORCED: Readonly<Record<string, Row>> = {
  'lets a listed name through by TLS': [tls('example.com'), 'ALLOW', 'DESTINATION_ALLOWED', RULE.example],
  'lets a listed name through by HTTP': [http('example.com'), 'ALLOW', 'DESTINATION_ALLOWED', RULE.example],
  'compares names after canonicalising them': [
    tls('EXAMPLE.com.'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.example,
  ],
  'compares the server name after canonicalising it': [
    tls('example.com', 443, 'Example.COM.'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.example,
  ],
  'drops a name that is not listed': [tls('evil.example'), 'DROP', 'DESTINATION_NOT_ALLOWED'],
  'drops a name under a plain entry': [tls('www.example.com'), 'DROP', 'DESTINATION_NOT_ALLOWED'],
  'drops the name above a wildcard': [tls('data.example.org'), 'DROP', 'DESTINATION_NOT_ALLOWED'],
  'lets names under a wildcard through': [
    tls('a.b.data.example.org'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.data,
  ],
  'drops an entry that has expired': [tls('old.example.com'), 'DROP', 'DESTINATION_NOT_ALLOWED'],
  'blocks a name that a wildcard allows': [
    tls('evil.data.example.org'),
    'DROP',
    'DESTINATION_BLOCKED',
    RULE.evil,
  ],
  'blocks on every port': [
    http('a.evil.data.example.org', 8080),
    'DROP',
    'DESTINATION_BLOCKED',
    RULE.underEvil,
  ],
  'drops another port': [tls('example.com', 22), 'DROP', 'PORT_NOT_ALLOWED', RULE.example],
  'drops HTTP on the port of TLS': [http('example.com', 443), 'DROP', 'PORT_NOT_ALLOWED', RULE.example],
  'drops a tunnel on the port of HTTP': [tls('example.com', 80), 'DROP', 'PORT_NOT_ALLOWED', RULE.example],
  'lets nothing through an entry without ports': [
    tls('shut.example.com'),
    'DROP',
    'PORT_NOT_ALLOWED',
    RULE.shut,
  ],
  'adds the ports of every entry that covers a name': [
    tls('secret.data.example.org'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.data,
  ],
  'lets a port through that the narrower entry adds': [
    tls('secret.data.example.org', 8443),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.secret,
  ],
  'lets any bytes through where the protocol is TCP': [
    bytes('db.example.com', 5432),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.db,
  ],
  'does not inspect TCP': [
    tls('db.example.com', 5432, 'evil.example'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.db,
  ],
  'drops another server name inside the tunnel': [
    tls('example.com', 443, 'evil.example'),
    'DROP',
    'SNI_MISMATCH',
    RULE.example,
  ],
  'drops another server name even where it is listed': [
    tls('example.com', 443, 'a.data.example.org'),
    'DROP',
    'SNI_MISMATCH',
    RULE.example,
  ],
  'drops a server name that is none': [
    tls('example.com', 443, 'exam ple.com'),
    'DROP',
    'SNI_MISMATCH',
    RULE.example,
  ],
  'drops TLS without a server name': [tls('example.com', 443, null), 'DROP', 'NO_SNI', RULE.example],
  'drops other bytes in a tunnel for TLS': [bytes('example.com', 443), 'DROP', 'NOT_TLS', RULE.example],
  'lets a listed bucket through': [tls(BUCKET), 'ALLOW', 'DESTINATION_ALLOWED', RULE.bucket],
  'lets a listed service of an account through': [
    tls('acct.blob.core.windows.net'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.blob,
  ],
  'drops another service of the account': [tls('acct.dfs.core.windows.net'), 'DROP', 'BUCKET_NOT_ALLOWED'],
  'drops a bucket by plain HTTP': [http(BUCKET), 'DROP', 'PORT_NOT_ALLOWED', RULE.bucket],
  'drops another bucket': [tls('evil.s3.us-west-2.amazonaws.com'), 'DROP', 'BUCKET_NOT_ALLOWED'],
  'drops the bucket in another region': [
    tls('acme-data.s3.us-east-1.amazonaws.com'),
    'DROP',
    'BUCKET_NOT_ALLOWED',
  ],
  'drops an endpoint whose bucket is in the path': [
    tls('s3.us-west-2.amazonaws.com'),
    'DROP',
    'STORAGE_PATH_STYLE',
  ],
  'lets a connection through until its transition ends': [
    tls('crm.example.com'),
    'ALLOW',
    'DESTINATION_ALLOWED',
    RULE.crm,
  ],
  'lets a private endpoint through': [tls('api.corp.example'), 'ALLOW', 'DESTINATION_ALLOWED', RULE.corp],
  'drops an address': [tls('192.0.2.7'), 'DROP', 'IP_LITERAL'],
  'drops an address in another spelling': [tls('0x7f.1'), 'DROP', 'BAD_NAME'],
  'drops an IPv6 address': [tls('[2001:db8::1]'), 'DROP', 'IP_LITERAL'],
  'drops a host that is no name': [tls('-a.data.example.org'), 'DROP', 'BAD_NAME'],
  'drops a host with a port of its own': [tls('evil.example:x.data.example.org'), 'DROP', 'BAD_NAME'],
  'drops port 0': [tls('example.com', 0), 'DROP', 'BAD_NAME'],
  'drops a port above 65535': [http('example.com', 65_536), 'DROP', 'BAD_NAME'],
  'drops an empty host': [http(''), 'DROP', 'BAD_NAME'],
  'drops cloud metadata by address': [http('169.254.169.254'), 'DROP', 'METADATA_ADDRESS'],
  'drops cloud metadata by IPv6 address': [http('[fd00:ec2::254]'), 'DROP', 'METADATA_ADDRESS'],
  'drops cloud metadata by name, even where it is listed': [
    http('Metadata.Google.Internal.'),
    'DROP',
    'METADATA_ADDRESS',
  ],
};

/** Rows of the enforced lane that a sealed lane decides otherwise. */
const SEALED: Readonly<Record<string, Row>> = {
  'seals internet destinations': [tls('example.com'), 'DROP', 'INTERNET_SEALED', RULE.example],
  'seals them before it checks the port': [tls('example.com', 22), 'DROP', 'INTERNET_SEALED', RULE.example],
  'seals connections': [tls('crm.example.com'), 'DROP', 'INTERNET_SEALED', RULE.crm],
  'lets storage through': [tls(BUCKET), 'ALLOW', 'DESTINATION_ALLOWED', RULE.bucket],
  'lets private endpoints through': [tls('api.corp.example'), 'ALLOW', 'DESTINATION_ALLOWED', RULE.corp],
  'still checks the port of storage': [tls(BUCKET, 80), 'DROP', 'PORT_NOT_ALLOWED', RULE.bucket],
  'still blocks': [tls('evil.data.example.org'), 'DROP', 'DESTINATION_BLOCKED', RULE.evil],
};

describe.each([
  ['enforced', ENFORCED],
  ['sealed', SEALED],
] as const)('decide() in the lane %s', (lane, rows) => {
  it.each(Object.entries(rows))('%s', (_, [request, verdict, reason, rule]) => {
    expect(shown(answer(lane, request))).toEqual([verdict, reason, rule]);
  });
});

describe.each([
  ['dry-run', 'enforced', ENFORCED],
  ['sealed-dry-run', 'sealed', SEALED],
] as const)('decide() in the lane %s', (lane, _, rows) => {
  it.each(Object.entries(rows).filter(([, [, , reason]]) => !isDeniedAlways(reason)))(
    'passes and records, where the strict lane %s',
    (_sentence, [request, verdict, reason, rule]) => {
      const expected = { ALLOW: 'ALLOW', DROP: 'DRY_RUN_DENIAL', DRY_RUN_DENIAL: 'DRY_RUN_DENIAL' }[verdict];
      expect(shown(answer(lane, request))).toEqual([expected, reason, rule]);
    },
  );

  it('denies what the strict lane denies for what no mode allows', () => {
    const denied = [...Object.values(ENFORCED), ...Object.values(rows)].filter(([, , reason]) =>
      isDeniedAlways(reason),
    );
    const expected = denied.map(([, , reason, rule]) => ['DROP', reason, rule]);
    expect(denied.map(([request]) => shown(answer(lane, request)))).toEqual(expected);
    expect(denied.length).toBeGreaterThan(0);
  });

  it.each([
    '169.254.169.254',
    '100.100.100.200',
    '[fd00:ec2::254]',
    'metadata.google.internal',
    'metadata.goog',
  ])('keeps %s shut', (host) => {
    expect(answer(lane, http(host))).toEqual({ verdict: 'DROP', reason: 'METADATA_ADDRESS' });
  });
});

describe('decide()', () => {
  it.each(['POLICY_NOT_FOUND', 'POLICY_UNREADABLE', 'WORKSPACE_CONFLICTED'] as const)(
    'drops everything in a table of %s',
    (denyReason) => {
      const table = compileEgressTable({ ...SOURCES, denyReason });
      const requests = [tls('example.com'), http('example.com'), tls(BUCKET), tls('evil.example')];
      expect(requests.map((request) => answer('enforced', request, table))).toEqual(
        requests.map(() => ({ verdict: 'DROP', reason: denyReason })),
      );
    },
  );

  it.each(['evil.example', '169.254.169.254', '192.0.2.7'])('lets %s through in the lane full', (host) => {
    expect(answer('full', http(host))).toEqual({ verdict: 'ALLOW', reason: 'FULL_ACCESS' });
  });

  it('denies everything in an empty table: an empty list means nothing', () => {
    const table = compileEgressTable({
      ...SOURCES,
      policy: readPolicy(),
      metastores: [],
      privateEndpoints: [],
    });
    const verdicts = LANES.filter((lane) => lane === 'enforced' || lane === 'sealed').map(
      (lane) => answer(lane, tls('example.com'), table).verdict,
    );
    expect(verdicts).toEqual(['DROP', 'DROP']);
  });

  it('drops a connection from the moment its transition ends', () => {
    const endMs = Date.parse(CONNECTION.transitionEndTime);
    const verdictAt = (atMs: number): string =>
      decide(indexTable(TABLE.spec, atMs), 'enforced', tls('crm.example.com')).verdict;
    expect([verdictAt(endMs - 1), verdictAt(endMs)]).toEqual(['ALLOW', 'DROP']);
  });
});

describe('decide() on TLS without a proxy', () => {
  const index = indexTable(TABLE.spec, NOW_MS);

  it.each([
    ['example.com', 443, 'ALLOW', 'DESTINATION_ALLOWED'],
    ['example.com', 8444, 'DROP', 'PORT_NOT_ALLOWED'],
    ['evil.example', 443, 'DROP', 'DESTINATION_NOT_ALLOWED'],
    ['cloudflare-ech.com', 443, 'DROP', 'ECH_OUTER_NAME'],
    ['192.0.2.1', 443, 'DROP', 'IP_LITERAL'],
    [null, 443, 'DROP', 'NO_SNI'],
  ])('server name %s on port %d: %s', (sni, port, verdict, reason) => {
    expect(decide(index, 'enforced', { via: 'TLS', sni, port })).toMatchObject({ verdict, reason });
  });

  it('lets an unlisted name pass in dry-run, and nobody without a name', () => {
    const verdictOf = (sni: string | null) =>
      decide(index, 'dry-run', { via: 'TLS', sni, port: 443 }).verdict;
    expect([verdictOf('evil.example'), verdictOf(null)]).toEqual(['DRY_RUN_DENIAL', 'DROP']);
  });
});

describe('findRule()', () => {
  const index = indexTable(TABLE.spec, NOW_MS);

  it.each([
    ['example.com', 443, RULE.example],
    ['example.com', 22, RULE.example],
    ['secret.data.example.org', 443, RULE.data],
    ['secret.data.example.org', 8443, RULE.secret],
    ['evil.data.example.org', 443, RULE.evil],
    [BUCKET, 443, RULE.bucket],
  ])('names for %s:%d the entry %s', (host, port, rule) => {
    const found = findRule(index, host, port);
    expect(found && formatRule(found)).toBe(rule);
  });

  it('names none for a host that no entry covers', () => {
    expect(findRule(index, 'evil.example', 443)).toBeUndefined();
  });
});

/** Those of the table, and what surrounds them. */
const ASKED_NAMES = [
  'example.com',
  'www.example.com',
  'db.example.com',
  'data.example.org',
  'a.data.example.org',
  'secret.data.example.org',
  'evil.data.example.org',
  'a.evil.data.example.org',
  'shut.example.com',
  'old.example.com',
  'metadata.google.internal',
  '169.254.169.254',
  '192.0.2.1',
  '_dmarc.data.example.org',
  'crm.example.com',
  'db.corp.example',
  BUCKET,
  'other.s3.us-west-2.amazonaws.com',
  's3.us-west-2.amazonaws.com',
];
const ASKED_PORTS = [22, 80, 443, 5432, 8080, 8443];

/** What connections to the name get, on any port and in any way. */
function connectionsTo(lane: Lane, name: string): readonly Decision[] {
  return ASKED_PORTS.flatMap((port) =>
    [tls(name, port), bytes(name, port), http(name, port)].map((request) => answer(lane, request)),
  );
}

describe.each(LANES)('decideName() in lane %s', (lane) => {
  it.each(ASKED_NAMES)('allows %s exactly where decide() allows a connection to it', (name) => {
    const decision = decideName(indexTable(TABLE.spec, NOW_MS), lane, name);
    const connections = connectionsTo(lane, name);
    expect(decision.verdict === 'ALLOW').toBe(connections.some(({ verdict }) => verdict === 'ALLOW'));
    const denials = decision.verdict === 'ALLOW' ? [] : [decision];
    for (const denial of denials) expect(connections).toContainEqual(denial);
  });
});
