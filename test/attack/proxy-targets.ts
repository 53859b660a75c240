// Where a request of the proxy protocol is for (group P): ports, targets, Host headers and everything that looks like
// one.
import { helloFor } from '../outside/client-hello.ts';
import { type AttackCase, allowed, attack, denied, type Wanted } from './attack-case.ts';
import {
  BAD_REQUEST,
  connectWith,
  get,
  NO_PORT,
  NOT_ALLOWED,
  NOT_ALLOWED_HTTP,
  OK_HOST,
} from './proxy-heads.ts';
import { absolute, connect, http, raw } from './senders.ts';

const HELLO = helloFor('example.com');
const portDenied = (port: number): Wanted => denied('PORT_NOT_ALLOWED', { ...NO_PORT, port });

const PORTS: readonly AttackCase[] = [
  ...[22, 25, 53, 80, 853, 3128, 3389, 5432, 8443, 9901, 10250, 65535, 1].map((port) =>
    attack('P40', `an allowed name on port ${port}`, connect(`example.com:${port}`), portDenied(port)),
  ),
  attack('P40b', 'plain HTTP on port 443', absolute('http://example.com:443/'), portDenied(443)),
  attack('P40c', 'plain HTTP on port 8080', absolute('http://example.com:8080/'), portDenied(8080)),
  attack(
    'P40d',
    'a port that an entry opens for any bytes',
    connect('ports.example.com:22', ''),
    allowed('ports.example.com', '200 banner'),
  ),
  attack(
    'P40e',
    'a further TLS port that an entry opens',
    connect('ports.example.com:8443'),
    allowed('ports.example.com'),
  ),
  attack(
    'P40f',
    'its default port, which the entry does not list',
    connect('ports.example.com:443'),
    denied('PORT_NOT_ALLOWED', { destination: 'ports.example.com', port: 443 }),
  ),
  attack('P42', 'no port', connect('example.com'), BAD_REQUEST),
  attack('P42b', 'port 0', connect('example.com:0'), denied('BAD_NAME', {})),
  attack('P42c', 'port 65536', connect('example.com:65536'), BAD_REQUEST),
  attack('P42d', 'port 66-fold: 65979 is 443 in 16 bits', connect('example.com:65979'), BAD_REQUEST),
  attack('P42e', 'port -1', connect('example.com:-1'), BAD_REQUEST),
  attack('P42f', 'port +443', connect('example.com:+443'), BAD_REQUEST),
  attack('P42g', 'leading zeros', connect('example.com:00443'), denied('BAD_NAME', {})),
  attack('P42h', 'hexadecimal port', connect('example.com:0x1bb'), BAD_REQUEST),
  attack('P42i', 'empty port', connect('example.com:'), BAD_REQUEST),
  attack('P42j', 'two ports', connect('example.com:443:22'), BAD_REQUEST),
  attack('P42k', 'a port by name', connect('example.com:https'), BAD_REQUEST),
  attack('P42l', 'CONNECT *:443', connect('*:443'), BAD_REQUEST),
  attack('P42m', 'CONNECT with a path', connect('example.com:443/'), BAD_REQUEST),
  attack('P42n', 'CONNECT with a URL', connect('https://example.com:443'), BAD_REQUEST),
];

const TARGETS: readonly AttackCase[] = [
  attack(
    'P43',
    'CONNECT to an allowed name, Host of another',
    raw(connectWith('example.com:443', 'Host: evil.example:443\r\n'), {
      afterAnswers: 1,
      pieces: [HELLO],
    }),
    allowed('example.com'),
  ),
  attack(
    'P43b',
    'CONNECT to another name, Host of an allowed one',
    raw(connectWith('evil.example:443', 'Host: example.com:443\r\n')),
    NOT_ALLOWED,
  ),
  attack(
    'P43c',
    'HTTP/1.0 CONNECT without Host',
    raw('CONNECT evil.example:443 HTTP/1.0\r\n\r\n'),
    NOT_ALLOWED,
  ),
  attack(
    'P44',
    'absolute form of another name, Host of an allowed one',
    absolute('http://evil.example/', OK_HOST),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P44b',
    'absolute form of an allowed name, Host of another',
    absolute('http://example.com/', 'Host: evil.example\r\n'),
    allowed('example.com', '200'),
  ),
  attack(
    'P44c',
    'absolute form of https',
    absolute('https://example.com/'),
    denied('HTTPS_WITHOUT_CONNECT', {}),
  ),
  attack('P44d', 'absolute form of ftp', absolute('ftp://example.com/'), BAD_REQUEST),
  attack('P44e', 'absolute form of a file', absolute('file:///etc/passwd', OK_HOST), BAD_REQUEST),
  attack('P44f', 'upper-case scheme', absolute('HTTP://evil.example/'), NOT_ALLOWED_HTTP),
  attack('P44g', 'no scheme', raw(get('//evil.example/', OK_HOST)), allowed('example.com', '200')),
  attack(
    'P44h',
    'asterisk form',
    raw(`OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n`),
    denied('BAD_REQUEST', {}, '404'),
  ),
  attack(
    'P45',
    'two Hosts, the allowed one first',
    raw(get('/', `${OK_HOST}Host: evil.example\r\n`)),
    denied('BAD_NAME', {}),
  ),
  attack(
    'P45b',
    'two Hosts, the allowed one last',
    raw(get('/', `Host: evil.example\r\n${OK_HOST}`)),
    denied('BAD_NAME', {}),
  ),
  attack(
    'P45c',
    'Host with a space before the colon',
    raw(get('/', `${OK_HOST}Host : evil.example\r\n`)),
    BAD_REQUEST,
  ),
  attack(
    'P45d',
    'Host by another line ending',
    raw(`GET / HTTP/1.1\nHost: evil.example\n\n`),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P46',
    'user information that looks allowed',
    absolute('http://example.com@evil.example/', OK_HOST),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P46b',
    'user information with a port',
    absolute('http://example.com:80@evil.example/', OK_HOST),
    NOT_ALLOWED_HTTP,
  ),
  attack(
    'P46h',
    'user information that looks forbidden',
    absolute('http://evil.example@example.com/', OK_HOST),
    allowed('example.com', '200'),
  ),
  attack('P46c', 'backslash', absolute('http://evil.example\\@example.com/', OK_HOST), BAD_REQUEST),
  attack(
    'P46d',
    'question mark in front of the host',
    absolute('http://evil.example?.example.com/', OK_HOST),
    denied('BAD_REQUEST', {}, '404'),
  ),
  attack(
    'P46i',
    'a query behind an allowed host, and no path, which Envoy does not take',
    absolute('http://example.com?q=1'),
    denied('BAD_REQUEST', { destination: 'example.com', port: 80 }, '404'),
  ),
  attack(
    'P46e',
    'number sign in front of the host',
    absolute('http://evil.example#.example.com/', OK_HOST),
    BAD_REQUEST,
  ),
  attack('P46f', 'user information in CONNECT', connect('example.com@evil.example:443'), BAD_REQUEST),
  attack(
    'P46g',
    'user information in Host',
    raw(get('/', 'Host: example.com@evil.example\r\n')),
    denied('BAD_NAME', {}),
  ),
];

/** Whoever splits at the first colon goes elsewhere than who splits at the last one. */
const SEVERAL_READINGS: readonly AttackCase[] = [
  'elsewhere.example.net:x.leads.example.net:8080',
  'elsewhere.example.net:8080:x.leads.example.net:8080',
  'elsewhere.example.net:8080.leads.example.net:8080',
  '169.254.169.254:x.leads.example.net:8080',
  'example.com:80:8080',
  'example.com:',
  ':8080',
  'example.com:-80',
  'example.com:+80',
  'example.com:080',
  'example.com:0',
  'example.com:65536',
  '[::1].leads.example.net:8080',
  '[::1]x.leads.example.net:8080',
].flatMap((host) => [
  attack('P47', `Host ${host}`, http(host), denied('BAD_NAME', {})),
  attack(
    'P47b',
    `Host ${host}, on the proxy port`,
    raw(get('/', `Host: ${host}\r\n`)),
    denied('BAD_NAME', {}),
  ),
  {
    ...attack('P47c', `Host ${host} in dry-run`, http(host), denied('BAD_NAME', {})),
    from: 'trial' as const,
  },
]);

export const PROXY_TARGETS: readonly AttackCase[] = [...PORTS, ...TARGETS, ...SEVERAL_READINGS];
