import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import { forwardPort } from './forward-port.ts';

const DATA = 0;
const ERROR = 1;
const PORT = { namespace: 'ns', pod: 'collector-1', port: 8444 };

let folder: string;
let server: Server;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forward-port-'));
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function kubeconfig(): Promise<string> {
  const path = join(folder, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  const config = {
    'current-context': 'here',
    clusters: [
      { name: 'here', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'me', user: { token: 'secret' } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** As an API server does: each channel begins with the port. */
function serve(onOpen: (socket: WebSocket) => void, onData: (socket: WebSocket, data: Buffer) => void) {
  const requests: (string | undefined)[] = [];
  let closed = (): void => undefined;
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  new WebSocketServer({ server }).on('connection', (socket, request) => {
    requests.push(request.url, request.headers.authorization);
    for (const channel of [DATA, ERROR]) socket.send(Buffer.from([channel, 0xfc, 0x20]));
    socket.on('message', (message) => onData(socket, message.subarray(1)));
    socket.on('close', closed);
    onOpen(socket);
  });
  return { requests, isClosed };
}

const send = (socket: WebSocket, channel: number, data: Buffer): void =>
  socket.send(Buffer.concat([Buffer.from([channel]), data]));

const nothing = (): void => undefined;

test('forwardPort() carries bytes both ways, as the user of the kubeconfig, and closes what it opened', async () => {
  const { requests, isClosed } = serve(nothing, (socket, data) => send(socket, DATA, data));
  const stream = await forwardPort({ kubeconfig: await kubeconfig() }, PORT);
  const sent = randomBytes(300_000);
  const received: Buffer[] = [];
  const isWhole = new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      received.push(chunk);
      if (Buffer.concat(received).length === sent.length) resolve();
    });
  });
  stream.write(sent);
  await isWhole;
  expect(Buffer.concat(received).equals(sent)).toBe(true);
  expect(requests).toEqual([
    '/api/v1/namespaces/ns/pods/collector-1/portforward?ports=8444',
    'Bearer secret',
  ]);
  stream.destroy();
  await isClosed;
});

test('the stream ends with the connection, and what was sent before is read', async () => {
  serve((socket) => {
    send(socket, DATA, Buffer.from('last words'));
    socket.close();
  }, nothing);
  const stream = await forwardPort({ kubeconfig: await kubeconfig() }, PORT);
  expect((await buffer(stream)).toString()).toBe('last words');
});

test('the stream fails with what the kubelet says', async () => {
  serve((socket) => send(socket, ERROR, Buffer.from('connection refused')), nothing);
  // Before somebody reads, or while they do.
  const reading = forwardPort({ kubeconfig: await kubeconfig() }, PORT).then((stream) => buffer(stream));
  await expect(reading).rejects.toThrow('connection refused');
});

test('forwardPort() throws the status of a refusal, and 0 where nobody answers', async () => {
  server.on('upgrade', (_request, socket) =>
    socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
  );
  const path = await kubeconfig();
  await expect(forwardPort({ kubeconfig: path }, PORT)).rejects.toMatchObject({ status: 403 });
  server.close();
  await once(server, 'close');
  await expect(forwardPort({ kubeconfig: path }, PORT)).rejects.toMatchObject({ status: 0 });
});
