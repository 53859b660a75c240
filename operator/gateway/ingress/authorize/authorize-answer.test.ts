import fc from 'fast-check';
import { sampleList, samplePlan } from '../../../../test/fixtures/inbound-fixture.ts';
import { decideIngress } from '../../../compile/ingress/decide-ingress.ts';
import { parseAddressRange } from '../../../model/address-range.ts';
import { answerQuestion } from './authorize-answer.ts';

const OFFICE = sampleList('office', 'ALLOW', ['192.0.2.0/24']);
const ANALYTICS = samplePlan('analytics', { lists: [OFFICE], hosts: ['analytics.example'] });
const OPEN = samplePlan('open', { enableIpAccessLists: false, hosts: ['open.example'] });
const PLANS = [ANALYTICS, OPEN];
const TRUSTED = ['10.0.0.0/8'].flatMap((text) => {
  const parsed = parseAddressRange(text);
  return 'range' in parsed ? [parsed.range] : [];
});

type Headers = Readonly<Record<string, readonly string[]>>;

function ask(headers: Headers, url = '/authorize', peer = '10.0.0.1') {
  const head = { method: 'GET', url, peer, headers };
  return answerQuestion(head, PLANS, { trustedProxies: TRUSTED, accountId: 'account' }, new Date(0));
}

const HOST = { host: ['analytics.example'] };
const INSIDE = { ...HOST, 'x-forwarded-for': ['192.0.2.7'] };
const OUTSIDE = { ...HOST, 'x-forwarded-for': ['198.51.100.1'] };

test('who is in the allow list is allowed, and logged', () => {
  const answer = ask({ ...INSIDE, 'x-forwarded-uri': ['/login?token=x'], 'x-forwarded-method': ['POST'] });
  expect(answer).toMatchObject({ status: 200, body: '' });
  expect(answer.line).toMatchObject({
    listener: 'authorize',
    workspace: 'analytics',
    revision: 'r1',
    enforced: 'IN_ALLOW_LIST:office',
    source: '192.0.2.7',
    peer: '10.0.0.1',
    host: 'analytics.example',
    method: 'POST',
    path: '/login?token=x',
  });
});

test('who is not is told which address was seen, in JSON or HTML as the client asks', () => {
  const answer = ask(OUTSIDE);
  expect(answer).toMatchObject({
    status: 403,
    headers: { 'x-sallyport-reason': 'NOT_IN_ALLOW_LIST', 'content-type': 'application/json' },
  });
  expect(JSON.parse(answer.body)).toEqual({
    error_code: 'PERMISSION_DENIED',
    message: 'Source IP address: 198.51.100.1 is blocked by Databricks IP ACL for workspace: id-of-analytics',
  });
  const html = ask({ ...OUTSIDE, accept: ['text/html,*/*'] });
  expect(html.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(html.body).toMatch(/address 198\.51\.100\.1\..* access list of workspace id-of-analytics blocks it/);
  expect(html.body).toContain('ask an administrator of the workspace');
  const api = ask({ ...OUTSIDE, accept: ['text/html'], 'x-forwarded-uri': ['/api/2.0/x'] });
  expect(api.headers['content-type']).toBe('application/json');
});

test.each<[string, Headers, string, string]>([
  ['a proxy that is not trusted', INSIDE, '192.0.2.7', 'BAD_REQUEST'],
  ['no client', HOST, '10.0.0.1', 'BAD_ADDRESS'],
  ['two clients', { ...INSIDE, 'x-real-ip': ['192.0.2.8'] }, '10.0.0.1', 'BAD_ADDRESS'],
  ['no workspace', { ...INSIDE, host: ['other.example'] }, '10.0.0.1', 'UNKNOWN_HOST'],
  ['an address as the host', { ...INSIDE, host: ['10.0.0.2:8080'] }, '10.0.0.1', 'BAD_REQUEST'],
  ['no host', { 'x-forwarded-for': ['192.0.2.7'] }, '10.0.0.1', 'BAD_REQUEST'],
  [
    'two hosts',
    { ...INSIDE, 'x-forwarded-host': ['open.example', 'analytics.example'] },
    '10.0.0.1',
    'BAD_REQUEST',
  ],
  [
    'two hosts in one',
    { ...INSIDE, 'x-forwarded-host': ['open.example, analytics.example'] },
    '10.0.0.1',
    'BAD_REQUEST',
  ],
  [
    'a host of its own beside that of another workspace',
    { ...OUTSIDE, 'x-forwarded-host': ['open.example'] },
    '10.0.0.1',
    'BAD_REQUEST',
  ],
  [
    'an URL of another',
    { ...OUTSIDE, 'x-forwarded-host': ['analytics.example'], 'x-original-url': ['https://open.example/'] },
    '10.0.0.1',
    'BAD_REQUEST',
  ],
])('%s is denied, and logged', (_what, headers, peer, reason) => {
  const answer = ask(headers, '/authorize', peer);
  expect(answer.status).toBe(403);
  expect(answer.headers['x-sallyport-reason']).toBe(reason);
  expect(answer.line).toMatchObject({ enforced: reason, code: 403 });
});

test.each<[string, Headers, string]>([
  [
    'X-Forwarded-Host',
    { host: ['auth.internal'], 'x-forwarded-host': ['Analytics.Example:443'] },
    '/authorize',
  ],
  [
    'X-Original-URL',
    { host: ['auth.internal'], 'x-original-url': ['https://analytics.example/a?b'] },
    '/authorize',
  ],
  [
    'the query, by name',
    { host: ['127.0.0.1'], 'x-forwarded-host': ['x.example'] },
    '/authorize?workspace=analytics',
  ],
  ['the query, by id', { host: ['auth.internal'] }, '/authorize?workspace=id-of-analytics'],
  ['Host, with the path of the client behind', HOST, '/authorize/open?workspace=open'],
])('the workspace is taken from %s', (_what, headers, url) => {
  expect(ask({ ...headers, 'x-real-ip': ['192.0.2.7'] }, url)).toMatchObject({
    status: 200,
    line: { workspace: 'analytics' },
  });
});

test('where the lists do not apply, all access is allowed (R89)', () => {
  expect(ask({ host: ['open.example'] })).toMatchObject({
    status: 200,
    line: { enforced: 'LISTS_DISABLED' },
  });
});

test.each(['/', '/authorized', '/Authorize', '*', '', '/x/authorize', '//authorize'])(
  '%p is no question',
  (url) => {
    expect(ask(INSIDE, url)).toMatchObject({ status: 404 });
  },
);

test('whatever a client adds, only the workspace and the client that the proxy names count', () => {
  const names = [
    'x-forwarded-host',
    'x-original-url',
    'x-real-ip',
    'forwarded',
    'x-forwarded-server',
    'x-sallyport-workspace',
    'cookie',
  ];
  const value = fc.oneof(
    fc.constantFrom(
      'open.example',
      'https://open.example/',
      '192.0.2.7',
      'for=192.0.2.7',
      'open',
      'analytics.example',
    ),
    fc.string(),
  );
  const lies = fc.dictionary(fc.constantFrom(...names), fc.array(value, { minLength: 1, maxLength: 2 }));
  const path = fc.oneof(fc.constantFrom('', '/open', '/?workspace=open', '/x?workspace=open'), fc.webPath());
  fc.assert(
    fc.property(lies, path, fc.ipV4(), (headers, rest, address) => {
      const url = rest === '' || rest.startsWith('/') ? `/authorize${rest}` : '/authorize';
      // As Envoy's lines have it: Host, and X-Forwarded-For with the peer at its end.
      const answer = ask({ ...headers, ...HOST, 'x-forwarded-for': ['192.0.2.7', address] }, url);
      const isAllowed = decideIngress(ANALYTICS.spec, address).isAllowed;
      if (!isAllowed && !address.startsWith('10.')) expect(answer.status).toBe(403);
      if (answer.status === 200) expect(answer.line?.workspace).toBe('analytics');
    }),
    { numRuns: 1000 },
  );
});
