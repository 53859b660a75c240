import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OriginPage } from './origin-page.ts';
import { SSH_BANNER } from './origins.ts';
import { type OutsideServers, startOutsideServers } from './outside-servers.ts';
import { type AskOptions, type AskTunnel, ask, openTunnel } from './proxy-client.ts';

let outside: OutsideServers;
let server: Server;
let seen: string[] = [];

beforeAll(async () => {
  outside = await startOutsideServers({
    names: [{ name: 'a.example.com', services: { 22: 'ssh', 80: 'http', 443: 'https', 7: 'echo' } }],
  });
  server = createServer((request, response) => {
    note(request);
    response.writeHead(403, { 'x-sallyport-reason': 'DOMAIN_NOT_ALLOWED' }).end('not by absolute form');
  });
  server.on('connect', tunnelOrRefuse).listen(0, outside.listenAddress);
  await once(server, 'listening');
});

beforeEach(() => {
  seen = [];
});

afterAll(async () => {
  await outside.stop();
  server.close();
});

function note({ method, url, httpVersion, headers }: IncomingMessage): void {
  seen.push(`${method} ${url} ${httpVersion} ${headers.host}`);
}

const REFUSAL = 'HTTP/1.1 403 No\r\nx-sallyport-reason: NAMED\r\ncontent-length: 2\r\n\r\nno';
const ACCEPTANCE = 'HTTP/1.1 200 OK\r\n\r\n';

const ANSWERS: Readonly<Record<string, (client: Socket, port: number) => void>> = {
  'a.example.com': passOn,
  'hangs-up.example.com': (client) => client.destroy(),
  'resets.example.com': (client) => client.resetAndDestroy(),
  'accepts-and-resets.example.com': (client) => client.write(ACCEPTANCE, () => client.resetAndDestroy()),
};

// The smallest proxy that says yes, says no, and hangs up.
function tunnelOrRefuse(request: IncomingMessage, client: Duplex): void {
  note(request);
  const [name = '', port] = (request.url ?? '').split(':');
  const answer = ANSWERS[name] ?? ((refused: Socket) => refused.end(REFUSAL));
  answer(client as Socket, Number(port));
}

function passOn(client: Socket, port: number): void {
  const upstream = connect(port, outside.addressOf('a.example.com'), () => client.write(ACCEPTANCE));
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  upstream.pipe(client).pipe(upstream);
}

function throughProxy(): AskOptions {
  const { address: host, port } = server.address() as AddressInfo;
  return { proxy: { host, port }, ca: outside.caPem, timeoutMs: 5000 };
}

describe('ask() for https', () => {
  test('makes a tunnel, checks the certificate and gets the page', async () => {
    const result = await ask({ ...throughProxy(), url: 'https://a.example.com/x' });
    expect(result).toMatchObject({ outcome: 'ok', proxyStatus: 200, status: 200 });
    expect(JSON.parse(result.body ?? '') as OriginPage).toMatchObject({ sni: 'a.example.com', path: '/x' });
    expect(seen).toEqual(['CONNECT a.example.com:443 1.1 a.example.com:443']);
  });

  test('reports a refused CONNECT with status, reason and body', async () => {
    const result = await ask({ ...throughProxy(), url: 'https://b.example.com/' });
    expect(result).toMatchObject({ outcome: 'refused', proxyStatus: 403, reason: 'NAMED', body: 'no' });
    expect(result.status).toBeUndefined();
  });

  test.each(['hangs-up', 'resets', 'accepts-and-resets'])(
    'reports a proxy that %s as a reset',
    async (name) => {
      const result = await ask({ ...throughProxy(), url: `https://${name}.example.com/` });
      expect(result).toMatchObject({ outcome: 'reset' });
    },
  );

  test('fails where the certificate is not trusted', async () => {
    const { ca: _ca, ...withoutCa } = throughProxy();
    const result = await ask({ ...withoutCa, url: 'https://a.example.com/' });
    expect(result).toMatchObject({ outcome: 'failed', error: expect.stringContaining('certificate') });
  });

  test.each([
    ['another name', 'front.example.com', 'front.example.com'],
    ['none', null, null],
  ])('sends %s as server name when told to', async (_what, sni, arrived) => {
    const result = await ask({ ...throughProxy(), url: 'https://a.example.com/sni', sni });
    expect(result.outcome).toBe('ok');
    expect(outside.origins.arrivals.at(-1)?.sni).toBe(arrived);
  });

  test('speaks HTTP/1.0 without a Host header, and sends the headers it is given', async () => {
    await ask({ ...throughProxy(), url: 'https://a.example.com/', httpVersion: '1.0' });
    await ask({ ...throughProxy(), url: 'https://a.example.com/', connectHeaders: { host: 'evil.example' } });
    expect(seen).toEqual([
      'CONNECT a.example.com:443 1.0 undefined',
      'CONNECT a.example.com:443 1.1 evil.example',
    ]);
  });
});

test('ask() for http sends the absolute form by the letter and knows the answer of the proxy', async () => {
  const result = await ask({ ...throughProxy(), url: 'http://A.example.com/x', headers: { Host: 'other' } });
  expect(result).toMatchObject({ outcome: 'refused', proxyStatus: 403, reason: 'DOMAIN_NOT_ALLOWED' });
  expect(seen).toEqual(['GET http://A.example.com/x 1.1 other']);
});

describe('ask() with a raw CONNECT', () => {
  const SILENCE = { outcome: 'failed', proxyStatus: 200, error: 'Error: No answer within 50 ms' };
  const tunnels: [string, AskTunnel, object][] = [
    ['plain HTTP', { connect: 'a.example.com:80', sends: 'plain' }, { outcome: 'ok', status: 200 }],
    ['garbage', { connect: 'a.example.com:7', sends: 'bytes', bytes: '\x05\x01' }, { body: '\x05\x01' }],
    ['nothing', { connect: 'a.example.com:22', sends: 'nothing' }, { outcome: 'ok', body: SSH_BANNER }],
    ['nothing to a waiting server', { connect: 'a.example.com:7', sends: 'nothing', timeoutMs: 50 }, SILENCE],
    ['TLS to a server without it', { connect: 'a.example.com:22' }, { outcome: 'failed', proxyStatus: 200 }],
    ['TLS to a closed port', { connect: 'a.example.com:9' }, { outcome: 'reset' }],
    ['an authority without a port', { connect: 'a' }, { outcome: 'refused', proxyStatus: 403 }],
  ];
  test.each(tunnels)('sends %s', async (_what, tunnel, expected) => {
    await expect(ask({ ...throughProxy(), ...tunnel })).resolves.toMatchObject(expected);
  });
});

describe('ask() without a proxy', () => {
  test('looks the name up and says so when there is none', async () => {
    const result = await ask({ resolver: outside.resolver, url: 'http://missing.example.com/' });
    expect(result).toMatchObject({ outcome: 'failed', error: expect.stringContaining('ENOTFOUND') });
  });

  test('connects to the given address instead, from the given source', async () => {
    const address = { host: outside.addressOf('a.example.com'), port: 443 };
    const source = { localAddress: outside.listenAddress, ca: outside.caPem };
    const result = await ask({ ...source, address, url: 'https://a.example.com/' });
    expect((JSON.parse(result.body ?? '') as OriginPage).peer).toMatch(`${outside.listenAddress}:`);
    expect(outside.dns.questionsFor('a.example.com')).toEqual([]);
  });

  test('reports a closed port as failed', async () => {
    const result = await ask({
      address: { host: outside.listenAddress, port: 1 },
      url: 'http://a.example.com/',
    });
    expect(result).toMatchObject({ outcome: 'failed', error: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('openTunnel()', () => {
  test('holds a tunnel that carries several requests and reports its end', async () => {
    const tunnel = await openTunnel({ ...throughProxy(), url: 'https://a.example.com/' });
    const first = await tunnel.get('/one');
    const second = await tunnel.get('/two');
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(outside.origins.arrivals.at(-1)?.requests.map(({ path }) => path)).toEqual(['/one', '/two']);
    tunnel.close();
    await tunnel.closed;
  });

  test('holds a raw tunnel that can be written to and read from', async () => {
    const tunnel = await openTunnel({ ...throughProxy(), connect: 'a.example.com:7', sends: 'nothing' });
    tunnel.socket.write('still there');
    expect((await tunnel.reader.readExactly(11)).toString()).toBe('still there');
    tunnel.close();
  });

  test('throws where the proxy refuses', async () => {
    const tunnel = openTunnel({ ...throughProxy(), url: 'https://b.example.com/' });
    await expect(tunnel).rejects.toThrow('Cannot open a tunnel to "b.example.com:443": refused, ');
  });
});
