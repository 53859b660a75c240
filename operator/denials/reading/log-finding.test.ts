import { readLine, type WrittenLine } from '../../../test/fixtures/access-log-fixture.ts';
import { findingOf } from './log-finding.ts';

/** "DROP REASON", or undefined. */
function found(line: WrittenLine): string | undefined {
  const finding = findingOf(readLine(line));
  return finding === undefined ? undefined : `${finding.accessType} ${finding.reason}`;
}

const ADDRESS_DENIED = 'upstream_reset{address_denied}';
const ADDRESS_DENIED_TWICE = 'rbac_access_denied_matched_policy[address]';

test.each<[string, WrittenLine, string | undefined]>([
  ['a route that drops', { decision: 'drop:PORT_NOT_ALLOWED' }, 'DROP PORT_NOT_ALLOWED'],
  ['a reason that nobody knows', { decision: 'drop:SOMETHING' }, undefined],
  ['an allowed request', { decision: 'allow', code: 200 }, undefined],
  ['an allowed request that the server answered with 403', { decision: 'allow', code: 403 }, undefined],
  [
    'an allowed name that leads to a denied address',
    { decision: 'allow', code: 503, details: ADDRESS_DENIED },
    'DROP ADDRESS_DENIED',
  ],
  [
    'the same, seen by the second layer alone',
    { decision: 'allow', code: 403, details: ADDRESS_DENIED_TWICE },
    'DROP ADDRESS_DENIED',
  ],
  [
    'a name where too many are known',
    { decision: 'allow', code: 503, details: 'dns_cache_overflow' },
    'DROP TOO_MANY_NAMES',
  ],
  [
    'a name where too many are asked for',
    { decision: 'allow', code: 503, details: 'dynamic_forward_proxy_pending_request_overflow' },
    'DROP TOO_MANY_NAMES',
  ],
  [
    'a name that leads nowhere',
    { decision: 'allow', code: 503, details: 'dns_resolution_failure{cares_norecords}' },
    'DROP UNRESOLVED_OR_PRIVATE',
  ],
  [
    'a request before any route',
    { decision: '', code: 400, details: 'http1.codec_error' },
    'DROP BAD_REQUEST',
  ],
  [
    'https:// without CONNECT',
    { decision: '', code: 400, details: 'http1.https_url_on_plaintext_connection' },
    'DROP HTTPS_WITHOUT_CONNECT',
  ],
  ['a client that was too slow', { decision: '', code: 408 }, 'DROP CLIENT_SILENT'],
  ['a client that left', { decision: '', code: 0 }, undefined],
])('findingOf() at the proxy: %s', (_what, line, finding) => {
  expect(found(line)).toBe(finding);
});

const DRY_RUN = { decision: 'dry-run:DESTINATION_NOT_ALLOWED', code: 200 };
const RECORDED = 'DRY_RUN_DENIAL DESTINATION_NOT_ALLOWED';
const ALLOWED = { type: 'DownstreamEnd', method: 'GET', decision: 'allow' };

test.each<[string, WrittenLine, string | undefined]>([
  ['where a tunnel was let in, not at the proxy', { ...DRY_RUN, type: 'DownstreamEnd' }, undefined],
  ['when no tunnel opened', { ...DRY_RUN, type: 'DownstreamEnd', code: 503 }, RECORDED],
  ['when plain HTTP ends', { ...DRY_RUN, type: 'DownstreamEnd', method: 'GET' }, RECORDED],
  [
    'as a denial where too many names are known',
    { ...DRY_RUN, type: 'DownstreamEnd', method: 'GET', code: 503, details: 'dns_cache_overflow' },
    'DROP TOO_MANY_NAMES',
  ],
  [
    'as a denial where the name leads nowhere',
    { ...DRY_RUN, type: 'DownstreamEnd', method: 'GET', code: 503, details: 'dns_resolution_failure{none}' },
    'DROP UNRESOLVED_OR_PRIVATE',
  ],
  [
    'as a denial where the address is denied',
    { ...DRY_RUN, type: 'DownstreamEnd', method: 'GET', code: 503, details: 'dns_failure{address_denied}' },
    'DROP ADDRESS_DENIED',
  ],
  [
    'of an address that an enforced lane denies',
    { ...DRY_RUN, ...ALLOWED, denyingRule: 'address' },
    'DRY_RUN_DENIAL ADDRESS_DENIED',
  ],
  ['of no address that it does not', { ...DRY_RUN, ...ALLOWED, denyingRule: null }, undefined],
  ['of no rule that it does not know', { ...DRY_RUN, ...ALLOWED, denyingRule: 'other' }, undefined],
  [
    'with the reason of the routes, wherever the name leads',
    { ...DRY_RUN, type: 'DownstreamEnd', method: 'GET', denyingRule: 'address' },
    RECORDED,
  ],
])('findingOf() records a dry-run denial %s', (_when, line, finding) => {
  expect(found(line)).toBe(finding);
});

const PASS = {
  listener: 'pass',
  decision: 'proxy dry-run:DESTINATION_NOT_ALLOWED',
  code: 0,
  resolved: 'true',
};
const answerOf = (...reasons: readonly string[]) => ({
  headers: [
    { key: ':status', value: '503' },
    ...reasons.map((value) => ({ key: 'x-sallyport-reason', value })),
  ],
});
const ENDED = { ...PASS, type: 'TcpConnectionEnd' };
const OPENED = { ...PASS, type: 'TcpUpstreamConnected' };
const ALLOWED_HERE = { decision: 'proxy allow' };
/** What the address check says where an enforced lane would have denied. */
const BY_RULE = { addressCheck: { headers: [{ key: 'x-sallyport-denying-rule', value: 'address' }] } };

test.each<[string, WrittenLine, string | undefined]>([
  ['when the address check opened the tunnel', { ...PASS, type: 'TcpUpstreamConnected' }, RECORDED],
  ['not again when it ends', ENDED, undefined],
  ['when nobody listens there', { ...ENDED, flags: 'UF,URX', addressCheck: answerOf() }, RECORDED],
  [
    'as a denial at the address check',
    { ...ENDED, flags: 'UF', addressCheck: answerOf('ADDRESS_DENIED') },
    'DROP ADDRESS_DENIED',
  ],
  [
    'as a denial of what it leads to',
    { ...ENDED, flags: 'UF', addressCheck: answerOf('UNRESOLVED_OR_PRIVATE') },
    'DROP UNRESOLVED_OR_PRIVATE',
  ],
  ['as a denial where too many names are known', { ...ENDED, resolved: 'false' }, 'DROP TOO_MANY_NAMES'],
  [
    'of an address that an enforced lane denies',
    { ...OPENED, ...ALLOWED_HERE, ...BY_RULE },
    'DRY_RUN_DENIAL ADDRESS_DENIED',
  ],
  [
    'of such an address where nobody listens',
    { ...ENDED, ...ALLOWED_HERE, ...BY_RULE, flags: 'UF,URX' },
    'DRY_RUN_DENIAL ADDRESS_DENIED',
  ],
  ['of such an address not again when it ends', { ...ENDED, ...ALLOWED_HERE, ...BY_RULE }, undefined],
  ['with the reason of the routes, wherever the name leads', { ...OPENED, ...BY_RULE }, RECORDED],
  ['of no route at all', { ...PASS, decision: 'proxy -', type: 'TcpUpstreamConnected' }, undefined],
])('findingOf() of a tunnel check that lets pass records a dry-run denial %s', (_when, line, finding) => {
  expect(found(line)).toBe(finding);
});

const TUNNEL_CHECK = { listener: 'tunnel-check', decision: '-', code: 0, type: 'TcpConnectionEnd' };
const ASKING = { chain: 'allow', resolved: 'false' };
const CLOSED_TUNNELS = 'filter_chain_is_being_removed';
const ENVOY_ENDS = 'Active_Internal_Listener_destructor';

test.each<[string, WrittenLine, string | undefined]>([
  ['another server name inside', { chain: 'mismatch', sni: 'other.example.com' }, 'DROP SNI_MISMATCH'],
  ['no server name inside', { chain: 'mismatch' }, 'DROP NO_SNI'],
  ['something else than TLS', { chain: 'not-tls' }, 'DROP NOT_TLS'],
  ['a name that leads nowhere it may', { chain: 'allow', flags: 'UH' }, 'DROP UNRESOLVED_OR_PRIVATE'],
  ['the same among other flags', { chain: 'allow', flags: 'UF,UH' }, 'DROP UNRESOLVED_OR_PRIVATE'],
  ['a denied address', { chain: 'allow', closing: 'rbac_deny_close' }, 'DROP ADDRESS_DENIED'],
  ['a server that did not answer', { chain: 'allow', flags: 'UF' }, undefined],
  ['a tunnel that ended well', { chain: 'allow', resolved: 'true' }, undefined],
  ['a name that was not asked for', { chain: 'allow', resolved: 'false' }, 'DROP TOO_MANY_NAMES'],
  ['a close while a name is asked for', { ...ASKING, closing: CLOSED_TUNNELS }, 'DROP DESTINATION_REVOKED'],
  ['the end of Envoy while a name is asked for', { ...ASKING, closing: ENVOY_ENDS }, undefined],
  ['a tunnel that was closed', { chain: 'allow', closing: CLOSED_TUNNELS }, 'DROP DESTINATION_REVOKED'],
  ['a tunnel that ended with Envoy', { chain: 'allow', closing: ENVOY_ENDS }, undefined],
])('findingOf() at a tunnel check: %s', (_what, line, finding) => {
  expect(found({ ...TUNNEL_CHECK, ...line })).toBe(finding);
});

test.each<[string, WrittenLine, string | undefined]>([
  ['a denied address', { code: 403, details: ADDRESS_DENIED_TWICE }, 'DROP ADDRESS_DENIED'],
  ['a name that leads nowhere it may', { code: 503, flags: 'UH' }, 'DROP UNRESOLVED_OR_PRIVATE'],
  ['a server that did not answer', { code: 503, flags: 'UF' }, undefined],
])('findingOf() at an address check: %s', (_what, line, finding) => {
  expect(found({ listener: 'address-check', ...line })).toBe(finding);
});

test.each<[string, WrittenLine, string | undefined]>([
  ['when the connection opens', { type: 'TcpUpstreamConnected' }, 'DRY_RUN_DENIAL SNI_MISMATCH'],
  ['not again when it ends', { type: 'TcpConnectionEnd' }, undefined],
  ['as a denial where too many names are known', { resolved: 'false' }, 'DROP TOO_MANY_NAMES'],
  ['when none opened', { type: 'TcpConnectionEnd', flags: 'UF,URX' }, 'DRY_RUN_DENIAL SNI_MISMATCH'],
  ['wherever the name leads', { type: 'TcpUpstreamConnected', ...BY_RULE }, 'DRY_RUN_DENIAL SNI_MISMATCH'],
])('findingOf() at the dry-run tunnel check records a denial %s', (_when, line, finding) => {
  const mismatch = { ...TUNNEL_CHECK, listener: 'watch', chain: 'mismatch', sni: 'other.example.com' };
  expect(found({ ...mismatch, ...line })).toBe(finding);
});

test('findingOf() for private HTTP knows the denied address, the name too many and the closed tunnel', () => {
  const line = { listener: 'private-http', decision: '-', code: 503 };
  expect(found({ ...line, details: ADDRESS_DENIED })).toBe('DROP ADDRESS_DENIED');
  expect(found({ ...line, details: 'dns_cache_overflow' })).toBe('DROP TOO_MANY_NAMES');
  const truncated = { code: 101, details: `downstream_local_disconnect(${CLOSED_TUNNELS})` };
  expect(found({ ...line, ...truncated })).toBe('DROP DESTINATION_REVOKED');
  expect(found(line)).toBeUndefined();
});

test.each<[string, WrittenLine, string | undefined]>([
  ['a denied question', { decision: 'drop:BAD_NAME', rcode: 3 }, 'DROP BAD_NAME'],
  ['one in dry-run', { decision: 'dry-run:BAD_NAME', rcode: 0 }, 'DRY_RUN_DENIAL BAD_NAME'],
  ['one that nobody denied', { decision: '', rcode: 0 }, undefined],
])('findingOf() of the DNS: %s', (_what, line, finding) => {
  expect(found({ ...line, listener: 'dns' })).toBe(finding);
});

const CLOSED = { listener: 'egress-listener', decision: '-', details: '-', type: 'NotSet' };

test.each<[string, WrittenLine, string | undefined]>([
  ['nobody who says nothing and leaves', CLOSED, undefined],
  ['who said something that ended at once', { ...CLOSED, spoke: 'yes' }, 'DROP NOT_TLS'],
  ['who began and did not go on', { ...CLOSED, spoke: 'yes', durationMs: 5001 }, 'DROP CLIENT_SILENT'],
])('findingOf() takes for denied by an egress listener %s', (_who, line, finding) => {
  expect(found(line)).toBe(finding);
});
