// /authorize behind real proxies with the very lines of docs/authorize.md. Clients have loopback addresses of their
// own; the proxy is 127.0.0.1, the only one that is trusted.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  type AuthorizeServer,
  startAuthorize,
} from '../../operator/gateway/ingress/authorize/authorize-server.ts';
import { formatInboundLine, type InboundLine, parseInboundLine } from '../../operator/model/inbound-line.ts';
import { withFolder } from '../fixtures/denial-fixture.ts';
import { sampleList, samplePlan } from '../fixtures/inbound-fixture.ts';
import { freePorts } from '../support/free-ports.ts';
import { REVERSE_PROXIES, startProxy } from '../support/reverse-proxies.ts';

const INSIDE = '127.0.0.7';
const OUTSIDE = '127.0.0.8';
const PLANS = [
  samplePlan('analytics', {
    lists: [sampleList('office', 'ALLOW', [INSIDE])],
    hosts: ['analytics.example'],
  }),
  samplePlan('open', { enableIpAccessLists: false, hosts: ['open.example'] }),
];
const TRUSTED = [{ family: 4, address: '127.0.0.1', prefixLength: 32 }] as const;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

interface Scene {
  readonly ask: (from: string, options?: AskOptions) => Promise<Answer>;
  /** Bytes as they are; the status, 0 where there is none. */
  readonly askRaw: (from: string, head: string) => Promise<number>;
  /** Paths that the server behind the proxy has seen. */
  readonly served: string[];
  readonly lines: InboundLine[];
  readonly authorize: AuthorizeServer;
}

interface AskOptions {
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function askAt(
  port: number,
  localAddress: string,
  { path = '/', host = 'analytics.example', headers, body }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({
      host: '127.0.0.1',
      port,
      path,
      localAddress,
      agent: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: { host, ...headers },
    });
    call.once('response', (response) => {
      const { statusCode: status = 0 } = response;
      text(response).then((answer) => resolve({ status, body: answer, headers: response.headers }), reject);
    });
    call.once('error', reject);
    call.end(body);
  });
}

async function askRawAt(port: number, localAddress: string, head: string): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.write(head);
  const answer = await text(socket).catch(() => '');
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);
}

async function withProxy(
  proxy: (typeof REVERSE_PROXIES)[number],
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const served: string[] = [];
    const lines: InboundLine[] = [];
    const server = await startServer(served);
    const authorize = await startAuthorize({
      address: '127.0.0.1',
      port: 0,
      trustedProxies: TRUSTED,
      accountId: 'account',
      plans: () => PLANS,
      append: (line) => void lines.push(parseInboundLine(formatInboundLine(line)) as InboundLine),
    });
    const [port = 0] = await freePorts(1);
    const ports = { proxy: port, server: (server.address() as AddressInfo).port, authorize: authorize.port };
    const stop = await startProxy(proxy, join(folder, 'proxy'), ports);
    try {
      await work({
        ask: (from, options) => askAt(port, from, options),
        askRaw: (from, head) => askRawAt(port, from, head),
        served,
        lines,
        authorize,
      });
    } finally {
      await stop();
      await authorize.close().catch(() => undefined);
      server.closeAllConnections();
      server.close();
    }
  });
}

async function startServer(served: string[]): Promise<Server> {
  const server = createServer((received, response) => {
    served.push(received.url ?? '');
    text(received).then(
      (body) => response.end(`served ${received.headers.host} ${body}`),
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** What a client may try to seem to be somebody else, or to be asking for another workspace. */
const LIES: readonly (readonly [string, AskOptions])[] = [
  ...[
    'x-forwarded-for',
    'x-real-ip',
    'x-client-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'x-envoy-external-address',
  ]
    .flatMap((name) =>
      [INSIDE, `${INSIDE}, 127.0.0.1`, '127.0.0.1', '', 'x'].map((value) => [name, value] as const),
    )
    .map(([name, value]) => [`${name}: ${value}`, { headers: { [name]: value } }] as const),
  ...['x-forwarded-host', 'x-original-host', 'x-host', 'x-forwarded-server'].map(
    (name) => [name, { headers: { [name]: 'open.example' } }] as const,
  ),
  ['forwarded', { headers: { forwarded: `for=${INSIDE};host=open.example` } }],
  ['x-original-url', { headers: { 'x-original-url': 'http://open.example/' } }],
  ['x-rewrite-url', { headers: { 'x-rewrite-url': '/authorize?workspace=open' } }],
  ['a query', { path: '/?workspace=open' }],
  ['a path', { path: '/open?workspace=open' }],
  ['a path up', { path: '/../authorize?workspace=open' }],
  ['the path of the question', { path: '/_sallyport' }],
  [
    'headers of its own that are to be removed',
    { headers: { connection: 'x-forwarded-for, x-real-ip, host', 'x-forwarded-for': INSIDE } },
  ],
];

const isCi = process.env['CI'] !== undefined;
const THERE = REVERSE_PROXIES.filter(({ isThere }) => isThere);

test('nginx, Envoy and HAProxy are here where all tests must run', () => {
  const names = THERE.map(({ name }) => name);
  if (isCi) expect(names).toEqual(expect.arrayContaining(['nginx', 'Envoy', 'HAProxy']));
  expect(names).toContain('Envoy');
});

describe.each(THERE)('docs/authorize.md: $name', (proxy) => {
  test('passes on whom the lists allow, with a body too, and denies others', () =>
    withProxy(proxy, async ({ ask, served, lines }) => {
      expect(await ask(INSIDE)).toMatchObject({ status: 200, body: 'served analytics.example ' });
      const posted = await ask(INSIDE, { path: '/upload?token=x', body: 'y'.repeat(100_000) });
      expect(posted.body).toBe(`served analytics.example ${'y'.repeat(100_000)}`);
      expect((await ask(OUTSIDE, { path: '/x' })).status).toBe(403);
      expect((await ask(OUTSIDE, { path: '/y', body: 'z' })).status).toBe(403);
      expect((await ask(INSIDE, { host: 'nobody.example' })).status).toBe(403);
      expect((await ask(OUTSIDE, { host: 'OPEN.example' })).status).toBe(200);
      expect(served).toEqual(['/', '/upload?token=x', '/']);
      expect(lines.map(({ source, code, path, workspace }) => [source, code, path, workspace])).toEqual([
        [INSIDE, 200, '/', 'analytics'],
        [INSIDE, 200, '/upload', 'analytics'],
        [OUTSIDE, 403, '/x', 'analytics'],
        [OUTSIDE, 403, '/y', 'analytics'],
        ['', 403, '/', ''],
        [OUTSIDE, 200, '/', 'open'],
      ]);
      expect(lines[3]).toMatchObject({ method: 'POST', host: 'analytics.example', peer: '127.0.0.1' });
    }));

  test('whatever a client says about itself, it is judged by its address', () =>
    withProxy(proxy, async ({ ask, askRaw, served, lines }) => {
      for (const [what, options] of LIES) {
        const { status } = await ask(OUTSIDE, options);
        expect([what, status >= 400]).toEqual([what, true]);
      }
      for (const lie of ['X-Forwarded-For', 'X-Real-IP', 'X-Forwarded-Host', 'Host']) {
        const value = lie.endsWith('ost') ? 'open.example' : INSIDE;
        const head = `GET / HTTP/1.1\r\nHost: analytics.example\r\n${lie}: ${value}\r\n${lie}: ${value}\r\nConnection: close\r\n\r\n`;
        expect([lie, (await askRaw(OUTSIDE, head)) === 200]).toEqual([lie, false]);
      }
      expect(served).toEqual([]);
      expect(lines.every(({ code, source }) => code === 403 && source !== INSIDE)).toBe(true);
    }));

  test('denies everybody while Sallyport does not answer, and tells nobody else', () =>
    withProxy(proxy, async ({ ask, served, authorize }) => {
      expect((await ask(INSIDE)).status).toBe(200);
      await authorize.close();
      for (const host of ['analytics.example', 'open.example'])
        expect((await ask(INSIDE, { host })).status).toBeGreaterThanOrEqual(400);
      expect(served).toEqual(['/']);
    }));
});
