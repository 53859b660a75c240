import { readLine, type WrittenLine } from '../../../test/fixtures/access-log-fixture.ts';
import type { LineContext } from '../../model/access-log-line.ts';
import type { Denial, UnnumberedDenial } from '../../model/denial.ts';
import {
  denialOfLine,
  type FindRule,
  type NameQuery,
  type RuleQuery,
  splitAuthority,
} from './denial-of-line.ts';

const ORIGIN = { accountId: 'acme', eventId: 'local/access.log.1/40' };
const NO_RULE: FindRule = () => null;

function denialOf(
  line: WrittenLine,
  context: Partial<LineContext> = {},
  findRule: FindRule = NO_RULE,
): UnnumberedDenial | undefined {
  return denialOfLine(readLine(line, context), ORIGIN, findRule, () => false);
}

test.each([
  [false, 'DESTINATION_REVOKED'],
  [true, 'REVOKED_WITH_SHARD'],
] as const)('denialOfLine() of a tunnel that was closed, its name still allowed: %s', (isAllowed, reason) => {
  const line = readLine(
    {
      listener: 'tunnel-check',
      chain: 'allow',
      closing: 'filter_chain_is_being_removed',
      durationMs: 61_000,
    },
    { authority: 'Host.Example.com:8443' },
  );
  const queries: NameQuery[] = [];
  const denial = denialOfLine(line, ORIGIN, NO_RULE, (query) => {
    queries.push(query);
    return isAllowed;
  });
  // It is over when the tunnel ends, not when it began.
  const atMs = Date.parse(line.time) + 61_000;
  const eventTime = new Date(atMs).toISOString();
  expect(denial).toMatchObject({ accessType: 'DROP', reason, eventTime, port: 8443 });
  const { table, lane } = line.context;
  expect(queries).toEqual([{ table, lane, host: 'host.example.com', port: 8443, atMs }]);
});

test('denialOfLine() fills every column from the line, its context and its origin', () => {
  expect(denialOf({})).toEqual({
    ...ORIGIN,
    repeats: 1,
    sample: null,
    pod: null,
    podUid: null,
    node: null,
    owner: null,
    who: null,
    lost: 0,
    protocol: null,
    accessType: 'DROP',
    reason: 'DESTINATION_NOT_ALLOWED',
    destinationType: 'DNS',
    destination: 'host.example.com',
    dnsEvent: { domainName: 'host.example.com', rcode: null },
    storageEvent: null,
    workspaceId: '1001',
    eventTime: '2026-01-02T03:04:05.678Z',
    networkSourceType: 'General Compute',
    workspace: 'analytics',
    product: 'JOBS',
    policy: 'strict',
    revision: 'r1',
    rule: null,
    port: 443,
    sni: null,
    source: '127.0.0.1:50000',
  });
});

test('denialOfLine() counts as many as the line is about', () => {
  const rejected = { listener: 'egress-listener', decision: '-', chain: 'egress-listener', repeats: 38 };
  expect(denialOf(rejected)).toMatchObject({ reason: 'TOO_MANY_CONNECTIONS', repeats: 38 });
});

test('denialOfLine() has nothing to say about a line that records no denial', () => {
  expect(denialOf({ decision: 'allow', code: 200 })).toBeUndefined();
});

test('denialOfLine() asks for the rule of the canonical name, at the revision and the moment of the decision', () => {
  const asked: RuleQuery[] = [];
  const findRule: FindRule = (query) => {
    asked.push(query);
    return 'blockedInternetDestinations "*.example.com"';
  };
  const line = { decision: 'drop:DESTINATION_BLOCKED' };
  expect(denialOf(line, { authority: 'Evil.Example.COM.:8443' }, findRule)).toMatchObject({
    destination: 'evil.example.com',
    port: 8443,
    rule: 'blockedInternetDestinations "*.example.com"',
  });
  const atMs = Date.parse('2026-01-02T03:04:05.678Z');
  expect(asked).toEqual([{ table: 'egress-1', revision: 'r1', host: 'evil.example.com', port: 8443, atMs }]);
});

test('denialOfLine() names no rule where no entry decided', () => {
  const findRule: FindRule = () => 'allowedInternetDestinations "host.example.com"';
  expect(denialOf({ decision: 'drop:POLICY_UNREADABLE' }, {}, findRule)?.rule).toBeNull();
});

test('denialOfLine() keeps the server name that was said inside the tunnel', () => {
  const line = { listener: 'tunnel-check', decision: '-', chain: 'mismatch', sni: 'other.example.com' };
  expect(denialOf(line)).toMatchObject({ reason: 'SNI_MISMATCH', sni: 'other.example.com' });
});

test.each<[WrittenLine, Denial['protocol']]>([
  [{ method: 'GET' }, 'HTTP'],
  [{ method: 'CONNECT' }, null],
  [{ listener: 'sni-router' }, 'TLS'],
  [{ listener: 'tunnel-check', chain: 'mismatch' }, 'TLS'],
  [{ listener: 'tunnel-check', chain: 'not-tls' }, 'TCP'],
  [{ listener: 'tunnel-check', chain: 'allow', flags: 'UH' }, null],
  [{ listener: 'watch', chain: 'not-tls', type: 'TcpUpstreamConnected' }, 'TCP'],
  [
    {
      ...{ listener: 'pass', chain: 'allow', type: 'TcpUpstreamConnected' },
      decision: 'proxy dry-run:DESTINATION_NOT_ALLOWED',
    },
    null,
  ],
  [
    {
      ...{ listener: 'pass', chain: 'allow', type: 'TcpUpstreamConnected' },
      decision: 'sni-router dry-run:DESTINATION_NOT_ALLOWED',
    },
    'TLS',
  ],
  [{ listener: 'dns' }, null],
])('denialOfLine() says the protocol of %j, where it was seen', (line, protocol) => {
  expect(denialOf(line)?.protocol).toBe(protocol);
});

test.each<[string, string, Partial<Denial>]>([
  ['192.0.2.7:443', 'drop:IP_LITERAL', { destinationType: 'IP', destination: '192.0.2.7', dnsEvent: null }],
  ['[2001:db8::7]:443', 'drop:IP_LITERAL', { destinationType: 'IP', dnsEvent: null, port: 443 }],
  ['b\u00fccher.example:443', 'drop:DESTINATION_NOT_ALLOWED', { destination: 'b\u00fccher.example' }],
  ['EXAMPLE.com.:443', 'drop:BAD_NAME', { destination: 'EXAMPLE.com.', port: 443 }],
  ['EXAMPLE.com.:443', 'drop:PORT_NOT_ALLOWED', { destination: 'example.com', port: 443 }],
  ['not a name:443', 'drop:BAD_NAME', { destinationType: 'DNS', destination: 'not a name', port: 443 }],
])('denialOfLine() describes %s', (authority, decision, denial) => {
  expect(denialOf({ decision }, { authority })).toMatchObject(denial);
});

test.each([
  [
    'acme-data.s3.us-west-2.amazonaws.com:443',
    'BUCKET_NOT_ALLOWED',
    's3://acme-data',
    'storage-bucket-denied',
  ],
  [
    's3.us-west-2.amazonaws.com:443',
    'STORAGE_PATH_STYLE',
    's3.us-west-2.amazonaws.com',
    'storage-bucket-path-denied',
  ],
  ['acme-data.s3.us-west-2.amazonaws.com:22', 'PORT_NOT_ALLOWED', 's3://acme-data', 'PORT_NOT_ALLOWED'],
])('denialOfLine() describes storage %s, %s', (authority, reason, hostname, rejectionReason) => {
  expect(denialOf({ decision: `drop:${reason}` }, { authority })).toMatchObject({
    destinationType: 'STORAGE',
    dnsEvent: null,
    storageEvent: { hostname, path: null, rejectionReason },
  });
});

test.each([
  ['ML_BUILD', 'ML Build'],
  ['PIPELINES', 'DLT'],
  ['SOMETHING_NEW', 'SOMETHING_NEW'],
])('denialOfLine() gives product %s the source type %s', (product, networkSourceType) => {
  expect(denialOf({}, { product })).toMatchObject({ product, networkSourceType });
});

const ASKED = { listener: 'dns', type: 'A', decision: 'drop:DESTINATION_BLOCKED', rcode: 3 };

test.each<[string, Partial<Denial>]>([
  ['host.example.com', { dnsEvent: { domainName: 'host.example.com', rcode: 3 }, storageEvent: null }],
  ['192.0.2.7', { destinationType: 'DNS', dnsEvent: { domainName: '192.0.2.7', rcode: 3 } }],
  ['acme-data.s3.us-west-2.amazonaws.com', { destinationType: 'STORAGE', dnsEvent: null }],
])('denialOfLine() describes the question for %s, which has a rule but no port', (authority, denial) => {
  const findRule: FindRule = ({ host, port }) => `${host} ${port}`;
  expect(denialOf(ASKED, { authority }, findRule)).toMatchObject({
    ...denial,
    accessType: 'DROP',
    reason: 'DESTINATION_BLOCKED',
    destination: authority,
    rule: `${authority} null`,
    port: null,
  });
});

test('denialOfLine() does not guess the product of a pod that shares its port with others', () => {
  expect(denialOf({}, { product: '' })).toMatchObject({ product: null, networkSourceType: null });
});

test.each([
  ['host.example.com:443', 'CONNECT', 'host.example.com', 443],
  ['host.example.com', 'CONNECT', 'host.example.com', null],
  ['host.example.com', 'GET', 'host.example.com', 80],
  ['[2001:db8::7]:80', 'GET', '[2001:db8::7]', 80],
  ['2001:db8::7', 'GET', '2001:db8::7', null],
  ['host:1234567', 'CONNECT', 'host:1234567', null],
  ['host:65536', 'CONNECT', 'host:65536', null],
  ['host:0', 'CONNECT', 'host:0', null],
  ['host:00443', 'CONNECT', 'host:00443', null],
  ['host:80:80', 'GET', 'host:80:80', null],
  ['evil.net:x.example.com:8080', 'GET', 'evil.net:x.example.com:8080', null],
  ['', 'GET', '', null],
])('splitAuthority() reads %j of %s', (authority, method, host, port) => {
  expect(splitAuthority(authority, method)).toEqual({ host, port });
});
