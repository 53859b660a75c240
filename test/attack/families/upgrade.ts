// Requests with any Upgrade, Connection and other headers, of any method and version: what the client saw, what was
// dialled and what the row says are the same, in every lane. Only websocket is an upgrade; servers may ignore the rest.
import fc from 'fast-check';
import type { Family } from './family.ts';
import type { LaneName, Probe, Ruling } from './probe.ts';
import { probeFamily } from './probe-family.ts';
import { PROBE_FOLDER } from './probe-folder.ts';
import { oneTurn } from './probe-senders.ts';
import { rulingOnHost, rulingOnUrl } from './reading.ts';

const TOKENS = [
  'websocket',
  'WebSocket',
  'TLS/1.2',
  'TLS/1.2, HTTP/1.1',
  'h2c',
  'HTTP/2.0',
  'connect-udp',
  'connect-ip',
  'IRC/6.9',
  'foo',
  'raw',
  'CONNECT',
  '',
];
const CONNECTIONS = [
  'Upgrade',
  'upgrade',
  'keep-alive, Upgrade',
  'close',
  'Upgrade, HTTP2-Settings',
  'TE',
  'x-sallyport-source',
  'Host',
  '',
];
const HEADERS = [
  'HTTP2-Settings: AAMAAABkAAQAAP__',
  'Proxy-Connection: keep-alive',
  'TE: trailers',
  'X-Forwarded-Host: evil.net',
  'X-Forwarded-For: 1.2.3.4',
  ':authority: evil.net',
  'x-envoy-original-path: /',
  'Proxy-Authorization: Basic YTpi',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version: 13',
  'Content-Length: 0',
  'Range: bytes=0-',
  'Forwarded: host=evil.net',
  'x-envoy-upstream-rq-timeout-ms: 1',
];
const METHODS = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'PROPFIND',
  'LINK',
  'get',
  'FOO',
];
const HOSTS = [
  '@L.leads.example.net',
  '@L.leads.example.net:80',
  '@L.leads.example.net:8080',
  '@L.leads.example.net:443',
  '@L.evil.net',
  '@L.evil.net:8080',
  '@L.evil.net:0',
  '@L.evil.net:80:80',
  '169.254.169.254',
  '169.254.169.254:80:80',
  '@L.blocked.example.net',
  'metadata.google.internal',
];

interface Case {
  readonly lane: LaneName;
  readonly way: 'absolute form' | 'Host' | 'Host to the proxy';
  readonly method: string;
  readonly version: string;
  readonly host: string;
  readonly upgrade: string | null;
  readonly connection: string | null;
  readonly headers: readonly string[];
}

const token = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TOKENS) },
  { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~/-]{1,12}$/) },
);

/** Would make the proxy send datagrams. */
const TO_UDP = 'connect-udp';

/** Those that Envoy's parser may reject, whatever the host. */
const PLAIN_METHODS = METHODS.slice(0, 9);

export const UPGRADE: Family = probeFamily<Case>({
  name: 'upgrade',
  what: 'upgrade tokens, methods, versions and headers; the row says what the client saw',
  runs: 4000,
  sampleRuns: 400,
  files: PROBE_FOLDER,
  arbitrary: fc.record({
    lane: fc.constantFrom('tenant', 'trial', 'sealed', 'models'),
    way: fc.constantFrom('absolute form', 'Host', 'Host to the proxy'),
    method: fc.constantFrom(...METHODS),
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
    host: fc.constantFrom(...HOSTS),
    upgrade: fc.option(token),
    connection: fc.option(fc.constantFrom(...CONNECTIONS)),
    headers: fc.uniqueArray(fc.constantFrom(...HEADERS), { maxLength: 3 }),
  }),
  probe(asked, mark, scene): Probe {
    const { lane, way, method, version, upgrade, connection, headers } = asked;
    const host = asked.host.replaceAll('@L', `${lane}-${mark.label}`);
    const url = way === 'absolute form' ? `http://${host}/${mark.token}` : `/${mark.token}`;
    const lines = [
      `${method} ${url} HTTP/${version}`,
      `Host: ${host}`,
      ...(upgrade === null ? [] : [`Upgrade: ${upgrade}`]),
      ...(connection === null ? [] : [`Connection: ${connection}`]),
      ...headers,
    ];
    return {
      ...oneTurn(way === 'Host' ? 'http' : 'proxy', `${lines.join('\r\n')}\r\n\r\n`),
      lane,
      ruling: lenientWhereOdd(
        asked,
        (way === 'absolute form' ? rulingOnUrl : rulingOnHost)({ lane, text: host }, scene),
      ),
      shown: `${lane}, ${way}: ${JSON.stringify(lines)}`,
    };
  },
});

/** Of what nobody needs to understand the meaning stays open, and the rest must hold all the same. */
function lenientWhereOdd({ method, upgrade, connection, headers }: Case, ruling: Ruling): Ruling {
  const isPlain =
    PLAIN_METHODS.includes(method) &&
    upgrade !== TO_UDP &&
    connection !== 'Host' &&
    !headers.some((header) => header.startsWith(':'));
  if (isPlain || (ruling.kind !== 'passes' && ruling.kind !== 'recorded')) return ruling;
  return { kind: 'denied or', or: ruling.kind, to: ruling.to };
}
