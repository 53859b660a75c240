// The proxy protocol (group P): tunnels, smuggling, other protocols, made-up headers and limits must not open anything.
import { helloFor } from '../outside/client-hello.ts';
import { type AttackCase, allowed, attack, closed, denied, type Wanted } from './attack-case.ts';
import {
  BAD_REQUEST,
  connectWith,
  get,
  NO_PORT,
  NOT_ALLOWED,
  NOT_ALLOWED_HTTP,
  OK_HOST,
} from './proxy-heads.ts';
import { absolute, connect, raw, slowly } from './senders.ts';

const HELLO = helloFor('example.com');

const TUNNELS: readonly AttackCase[] = [
  attack(
    'P48',
    'bytes before the answer to a denied CONNECT',
    raw(connectWith('evil.example:443', '') + HELLO),
    NOT_ALLOWED,
  ),
  attack(
    'P48b',
    'the right TLS before the answer',
    raw(connectWith('example.com:443', OK_HOST) + HELLO),
    allowed('example.com'),
  ),
  attack(
    'P48c',
    'TLS of another name before the answer',
    raw(connectWith('example.com:443', OK_HOST) + helloFor('evil.example')),
    closed('SNI_MISMATCH', { ...NO_PORT, port: 443, sni: 'evil.example' }),
  ),
  attack(
    'P48d',
    'a second request before the answer',
    raw(connectWith('example.com:443', OK_HOST) + get('http://evil.example/', OK_HOST)),
    closed('NOT_TLS', { ...NO_PORT, port: 443 }),
  ),
  attack(
    'P49',
    'CONNECT with a length',
    raw(`${connectWith('example.com:443', `${OK_HOST}Content-Length: 4\r\n`)}ping`),
    BAD_REQUEST,
  ),
  attack(
    'P49b',
    'CONNECT with chunks',
    raw(
      `${connectWith('example.com:443', `${OK_HOST}Transfer-Encoding: chunked\r\n`)}4\r\nping\r\n0\r\n\r\n`,
    ),
    denied('BAD_REQUEST', {}, '501'),
  ),
  attack(
    'P49c',
    'CONNECT with a length of 0',
    raw(connectWith('evil.example:443', 'Content-Length: 0\r\n')),
    NOT_ALLOWED,
  ),
  attack(
    'P53',
    'CONNECT in a tunnel to an allowed name',
    connect('example.com:443', connectWith('evil.example:443', '')),
    closed('NOT_TLS', { ...NO_PORT, port: 443 }),
  ),
  attack(
    'P53b',
    'CONNECT through an allowed name that is a proxy itself',
    connect('leads-proxy.leads.example.net:443', connectWith('evil.example:443', '')),
    {
      ...closed('NOT_TLS', { destination: 'leads-proxy.leads.example.net', port: 443 }),
      because:
        'a limit that nobody can lift: who allows a proxy by TLS allows what it does; on a TLS port it must at least speak TLS',
    },
  ),
];

const post = (headers: string, body: string): string =>
  `POST http://example.com/ HTTP/1.1\r\n${OK_HOST}${headers}\r\n${body}`;
const UNFOLDED =
  'Envoy makes one space of a fold, as RFC 9112 allows, so that nobody behind it can read the header otherwise';
const SMUGGLED = get('http://evil.example/smuggled', 'Host: evil.example\r\n');
const KEPT_ALIVE = get('http://example.com/', OK_HOST);

const BEHIND: Wanted = { ...NOT_ALLOWED_HTTP, answer: '200 403', reaches: ['example.com'] };

const SMUGGLING: readonly AttackCase[] = [
  attack(
    'P50',
    'a length and chunks together',
    raw(post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`)),
    BAD_REQUEST,
  ),
  attack(
    'P50b',
    'two lengths',
    raw(post('Content-Length: 0\r\nContent-Length: 4\r\n', SMUGGLED)),
    BAD_REQUEST,
  ),
  attack('P50c', 'a length that is a list', raw(post('Content-Length: 0, 4\r\n', SMUGGLED)), BAD_REQUEST),
  attack('P50d', 'a length with a sign', raw(post('Content-Length: +4\r\n', 'ping')), BAD_REQUEST),
  attack('P50e', 'a folded header', raw(post('X-A: b\r\n Host: evil.example\r\nContent-Length: 0\r\n', '')), {
    ...allowed('example.com', '200'),
    because: UNFOLDED,
  }),
  attack('P50i', 'a folded Host', raw(get('/', 'Host: example.com\r\n evil.example\r\n')), BAD_REQUEST),
  attack(
    'P50j',
    'a request behind a folded coding',
    raw(post('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${SMUGGLED}`)),
    { ...BEHIND, because: UNFOLDED },
  ),
  attack(
    'P50f',
    'another coding than chunked',
    raw(post('Transfer-Encoding: identity, chunked\r\n', '0\r\n\r\n')),
    denied('BAD_REQUEST', {}, '501'),
  ),
  attack(
    'P50g',
    'a coding with a control character',
    raw(post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')),
    BAD_REQUEST,
  ),
  attack(
    'P50h',
    'a chunk with a bad size',
    raw(`POST http://evil.example/ HTTP/1.1\r\n${OK_HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P57',
    'a forbidden request behind an allowed one',
    raw(KEPT_ALIVE, { afterAnswers: 1, pieces: [SMUGGLED] }),
    BEHIND,
  ),
  attack('P57b', 'both in one segment', raw(KEPT_ALIVE + SMUGGLED), BEHIND),
  attack(
    'P57c',
    'a CONNECT behind an allowed request',
    raw(KEPT_ALIVE + connectWith('evil.example:443', '')),
    { ...NOT_ALLOWED, answer: '200 403', reaches: ['example.com'] },
  ),
  attack(
    'I101',
    'where a redirect leads',
    raw(KEPT_ALIVE, {
      afterAnswers: 1,
      pieces: [get('http://169.254.169.254/', 'Host: 169.254.169.254\r\n')],
    }),
    {
      ...denied('METADATA_ADDRESS', { destination: '169.254.169.254', port: 80 }),
      answer: '200 403',
      reaches: ['example.com'],
    },
  ),
];

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: ';
const CONNECT_UDP = `${OK_HOST}${UPGRADE}connect-udp\r\nCapsule-Protocol: ?1\r\n`;
const PASSED_OVER =
  'an offer of another protocol than WebSocket is passed over, as servers may do; the request is what it is without';

const OTHER_PROTOCOLS: readonly AttackCase[] = [
  attack(
    'P52',
    'HTTP/2 with extended CONNECT',
    raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'),
    BAD_REQUEST,
  ),
  attack(
    'P52b',
    'upgrade to HTTP/2 in the clear',
    raw(get('http://evil.example/', `${OK_HOST}${UPGRADE}h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`)),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P52c',
    'connect-udp to another name',
    raw(get('http://evil.example/.well-known/masque/udp/8.8.8.8/53/', CONNECT_UDP)),
    { ...NOT_ALLOWED_HTTP, because: PASSED_OVER },
  ),
  attack(
    'P52d',
    'connect-udp to an allowed name',
    raw(get('http://example.com/.well-known/masque/udp/8.8.8.8/53/', CONNECT_UDP)),
    { ...allowed('example.com', '200'), because: PASSED_OVER },
  ),
  attack(
    'P52g',
    'connect-udp for an allowed name',
    raw(get('http://evil.example/.well-known/masque/udp/example.com/443/', CONNECT_UDP)),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P52h',
    'an upgrade that nobody knows',
    raw(get('http://example.com/', `${OK_HOST}${UPGRADE}unknown\r\n`)),
    { ...allowed('example.com', '200'), because: PASSED_OVER },
  ),
  attack(
    'P52e',
    'connect-ip to an allowed name',
    raw(get('http://example.com/.well-known/masque/ip/*/*/', `${OK_HOST}${UPGRADE}connect-ip\r\n`)),
    { ...allowed('example.com', '200'), because: PASSED_OVER },
  ),
  attack(
    'P52f',
    'a CONNECT that names a protocol',
    raw(connectWith('evil.example:443', `${UPGRADE}websocket\r\n:protocol: websocket\r\n`)),
    BAD_REQUEST,
  ),
  attack('P54', 'SOCKS5', raw('\x05\x01\0'), BAD_REQUEST),
  attack('P54b', 'SOCKS5, whole', raw('\x05\x01\0\x05\x01\0\x03\x0bexample.com\x01\xbb'), BAD_REQUEST),
  attack('P54c', 'SOCKS4a', raw('\x04\x01\x01\xbb\0\0\0\x01\0example.com\0'), BAD_REQUEST),
  attack(
    'P54d',
    'PROXY protocol in front',
    raw(`PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${KEPT_ALIVE}`),
    BAD_REQUEST,
  ),
  attack(
    'P54e',
    'PROXY protocol 2 in front',
    raw(`\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02${KEPT_ALIVE}`),
    BAD_REQUEST,
  ),
  attack('P54f', 'TLS on the proxy port', raw(HELLO), BAD_REQUEST),
  attack(
    'P55',
    'WebSocket to another name',
    raw(
      get(
        'http://evil.example/',
        `${OK_HOST}${UPGRADE}websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`,
      ),
    ),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P55b',
    'WebSocket with the Host of another name',
    raw(get('/', `Host: evil.example\r\n${UPGRADE}websocket\r\n`)),
    NOT_ALLOWED_HTTP,
  ),
];

const SPOOFED = [
  'Proxy-Authorization: Basic c2VjcmV0',
  'X-Envoy-Original-Dst-Host: 127.0.0.1:443',
  'X-Envoy-Internal: true',
  'X-Envoy-Original-Path: /',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Host: example.com',
  'Forwarded: host=example.com',
  'X-Original-URL: http://example.com/',
  'X-Sallyport-Lane: dry-run',
  'X-Sallyport-Mode: dry-run',
  'X-Sallyport-Context: other',
  'X-HTTP-Method-Override: GET',
];

const CLAIMS: readonly AttackCase[] = [
  ...SPOOFED.map((header) =>
    attack(
      'P59',
      `header ${header.split(':')[0]}`,
      raw(connectWith('evil.example:443', `${header}\r\n`)),
      NOT_ALLOWED,
    ),
  ),
  {
    ...attack(
      'P58',
      'a name of its own policy, at the egress listener of another workspace',
      connect('example.com:443'),
      {
        ...denied('DESTINATION_NOT_ALLOWED', { ...NO_PORT, port: 443 }),
        because: 'the port says whose connection it is; in a cluster isolation denies it to other pods',
      },
    ),
    from: 'other',
  },
  attack(
    'P58b',
    'what only another workspace may reach',
    connect('other.example.com:443'),
    denied('DESTINATION_NOT_ALLOWED', { destination: 'other.example.com', port: 443 }),
  ),
  {
    ...attack('P60', 'an unlisted name in dry-run', connect('evil.example:443'), {
      ...NOT_ALLOWED,
      answer: '200 hello',
      accessType: 'DRY_RUN_DENIAL',
      reaches: ['evil.example'],
    }),
    from: 'trial',
  },
  {
    ...attack('P60b', 'an unlisted name in dry-run, plain', absolute('http://evil.example/'), {
      ...NOT_ALLOWED_HTTP,
      answer: '200',
      accessType: 'DRY_RUN_DENIAL',
      reaches: ['evil.example'],
    }),
    from: 'trial',
  },
];

const SLOW: readonly AttackCase[] = [
  attack(
    'P61',
    'half a request, and nothing more',
    slowly(raw('CONNECT example.com:443 HTTP/1.1\r\nHost: ')),
    denied('CLIENT_SILENT', {}, '408'),
  ),
  attack(
    'P61b',
    'half a request line, on the HTTP port',
    slowly({ ...raw('GET /exa'), to: 'http' }),
    denied('CLIENT_SILENT', {}, '408'),
  ),
  attack(
    'P62',
    'a request line of 64 kB',
    raw(get(`http://example.com/${'a'.repeat(65_536)}`, OK_HOST)),
    denied('HEADERS_TOO_LARGE', {}, '431'),
  ),
  attack(
    'P62b',
    'headers of 64 kB',
    raw(get('http://example.com/', `${OK_HOST}X-A: ${'a'.repeat(65_536)}\r\n`)),
    denied('HEADERS_TOO_LARGE', {}, '431'),
  ),
  attack(
    'P62c',
    'a hundred and one headers',
    raw(get('http://example.com/', OK_HOST + 'X-A: a\r\n'.repeat(101))),
    denied('HEADERS_TOO_LARGE', {}, '431'),
  ),
];

export const PROXY_PROTOCOL: readonly AttackCase[] = [
  ...TUNNELS,
  ...SMUGGLING,
  ...OTHER_PROTOCOLS,
  ...CLAIMS,
  ...SLOW,
];
