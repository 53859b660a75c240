import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateAuthority, createCertificateAuthority } from '../../../test/outside/certificates.ts';
import { connectKubernetes, type RequestDone } from './connect-kubernetes.ts';
import type { KubernetesApi } from './kubernetes-api.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let authority: CertificateAuthority;
let server: Server;
let handler: Handler;
let connections = 0;
let api: KubernetesApi;
const done: RequestDone[] = [];
const realNow = performance.now.bind(performance);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-connect-'));
  authority = await createCertificateAuthority();
  server = createServer(await authority.leafFor('127.0.0.1'), (request, response) =>
    handler(request, response),
  );
  server.on('secureConnection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await writeFile(join(folder, 'ca.crt'), authority.caPem);
  const { port } = server.address() as AddressInfo;
  const cluster = {
    server: `https://127.0.0.1:${port}/base`,
    'certificate-authority': join(folder, 'ca.crt'),
  };
  const config = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(join(folder, 'kubeconfig'), JSON.stringify(config));
});
beforeEach(async () => {
  connections = 0;
  api = await connectKubernetes({
    kubeconfig: join(folder, 'kubeconfig'),
    onRequest: (request) => done.push(request),
  });
});
afterEach(async () => {
  performance.now = realNow;
  done.length = 0;
  await api.close();
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

function answerJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, headers).end(JSON.stringify(body));
}

describe('request()', () => {
  it('sends path, query, body and token, and counts what it did', async () => {
    handler = (request, response) => {
      const { method, url, headers } = request;
      answerJson(response, 200, [method, url, headers.authorization, headers['content-type']]);
    };

    const contentType = 'application/merge-patch+json';
    const query = { force: 'true' };

    expect(await api.request({ method: 'PATCH', path: '/api/x', query, body: {}, contentType })).toEqual([
      'PATCH',
      '/base/api/x?force=true',
      'Bearer secret',
      contentType,
    ]);
    expect(done).toMatchObject([{ method: 'PATCH', status: 200, durationMs: expect.any(Number) }]);
  });

  it('shares eight connections among a hundred requests', async () => {
    handler = (_, response) => answerJson(response, 200, {});

    await Promise.all(Array.from({ length: 100 }, () => api.request({ method: 'GET', path: '/api' })));

    expect(connections).toBe(8);
  });

  it("throws the server's own words, and how long it asks to be left alone", async () => {
    const status = { message: 'pods "x" is forbidden', reason: 'Forbidden' };
    handler = (_, response) => answerJson(response, 403, status, { 'retry-after': '3' });

    await expect(api.request({ method: 'GET', path: '/api/x' })).rejects.toMatchObject({
      message: 'pods "x" is forbidden',
      status: 403,
      reason: 'Forbidden',
      retryAfterMs: 3000,
    });
  });

  it.each<[string, Handler]>([
    ['a reset connection', (request) => request.destroy()],
    ['half an answer', (_, response) => response.end('{"a":')],
  ])('throws for %s', async (_, misbehave) => {
    handler = misbehave;

    await expect(api.request({ method: 'GET', path: '/api/x' })).rejects.toMatchObject({
      message: expect.stringContaining('Cannot reach the API server (GET /api/x)'),
      status: 0,
    });
  });

  it('trusts another authority soon after its certificate has been replaced', async () => {
    handler = (_, response) => answerJson(response, 200, {});
    const other = await createCertificateAuthority();
    const request = () => api.request({ method: 'GET', path: '/api' });
    await request();
    const nowMs = performance.now();

    await writeFile(join(folder, 'ca.crt'), other.caPem);
    performance.now = () => nowMs + 11_000;
    await expect(request()).rejects.toMatchObject({ status: 0 });

    await writeFile(join(folder, 'ca.crt'), authority.caPem);
    performance.now = () => nowMs + 22_000;
    expect(await request()).toEqual({});
  });
});

describe('stream()', () => {
  it('gives each line as it comes, and closes the connection when the reader leaves', async () => {
    let hasLeft: Promise<unknown> = Promise.resolve();
    handler = (_, response) => {
      hasLeft = new Promise((resolve) => response.on('close', resolve));
      response.write('{"a":1}\n{"a":2}\n');
    };

    const seen: unknown[] = [];
    for await (const value of api.stream({ path: '/watch' })) {
      seen.push(value);
      if (seen.length === 2) break;
    }

    expect(seen).toEqual([{ a: 1 }, { a: 2 }]);
    await hasLeft;
  });

  it('throws when the connection is cut in the middle', async () => {
    handler = (_, response) => response.write('{"a":1}\n{"a"', () => response.destroy());

    const drained = (async () => {
      for await (const _ of api.stream({ path: '/watch' }));
    })();

    await expect(drained).rejects.toMatchObject({ status: 0 });
  });
});

describe('actAs', () => {
  const actAs = { user: 'system:serviceaccount:home:program', extra: { 'example.com/pod-name': 'web-0' } };

  /** Of the requests that were sent: path, as whom, and what else of them. */
  async function sent(username: string, count = 2): Promise<readonly unknown[]> {
    const seen: unknown[] = [];
    handler = ({ url, headers }, response) => {
      seen.push([url, headers['impersonate-user'], headers['impersonate-extra-example.com%2fpod-name']]);
      answerJson(response, 200, { status: { userInfo: { username } } });
    };
    const acting = await connectKubernetes({ kubeconfig: join(folder, 'kubeconfig'), actAs });
    await Promise.all(Array.from({ length: count }, () => acting.request({ method: 'GET', path: '/api/x' })));
    await acting.close();
    return seen;
  }

  const asked = ['/base/apis/authentication.k8s.io/v1/selfsubjectreviews', undefined, undefined];

  it('impersonates that user where the credentials are of another, and asks for that once', async () => {
    const acted = ['/base/api/x', actAs.user, 'web-0'];
    expect(await sent('somebody')).toEqual([asked, acted, acted]);
  });

  it('impersonates nobody where the credentials are its own', async () => {
    expect(await sent(actAs.user, 1)).toEqual([asked, ['/base/api/x', undefined, undefined]]);
  });

  it('asks again where the server did not say, and sends nothing until it has', async () => {
    const seen: unknown[] = [];
    handler = ({ url }, response) => {
      seen.push(url);
      answerJson(response, seen.length === 1 ? 503 : 200, { status: { userInfo: { username: 'x' } } });
    };
    const acting = await connectKubernetes({ kubeconfig: join(folder, 'kubeconfig'), actAs });
    await expect(acting.request({ method: 'GET', path: '/api/x' })).rejects.toMatchObject({ status: 503 });
    await acting.request({ method: 'GET', path: '/api/x' });
    expect(seen).toEqual([asked[0], asked[0], '/base/api/x']);
    await acting.close();
  });
});

describe('connectKubernetes()', () => {
  it('names the kubeconfig that cannot be read', async () => {
    await expect(connectKubernetes({ kubeconfig: '/nowhere' })).rejects.toThrow(
      'Cannot find out how to reach the API server from kubeconfig "/nowhere": name a kubeconfig with --kubeconfig',
    );
  });
});
