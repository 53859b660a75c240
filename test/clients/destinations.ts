// Stand-ins for what real clients talk to, behind names of the outside servers: web pages, a package index, objects in
// a bucket, a gRPC method. HTTP/1 and HTTP/2 over TLS on 443, plain HTTP on 80. Out: which names were reached.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { createCertificateAuthority } from '../outside/certificates.ts';
import type { OutsideServers } from '../outside/outside-servers.ts';

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface Destinations {
  readonly caPem: string;
  /** Requests that reached this host so far. */
  requestsFor(host: string): number;
  stop(): Promise<void>;
}

export interface DestinationOptions {
  readonly outside: OutsideServers;
  readonly names: readonly string[];
  /** The wheel "demo-1.0-py3-none-any.whl", which the package index has. */
  readonly wheel: Buffer;
}

export async function startDestinations({
  outside,
  names,
  wheel,
}: DestinationOptions): Promise<Destinations> {
  const authority = await createCertificateAuthority();
  const requests = new Map<string, number>();
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  for (const name of names) {
    await outside.addName({ name, services: {} });
    const address = outside.addressOf(name);
    const serve = (request: Request, response: Response): void => {
      const host = request.headers[':authority'] ?? request.headers.host ?? '';
      const [bare = ''] = `${host}`.split(':');
      requests.set(bare, (requests.get(bare) ?? 0) + 1);
      answer(request, response, wheel);
    };
    const { cert, key } = await authority.leafFor(name);
    const secure = createSecureServer({ cert, key, allowHTTP1: true }, serve).listen(443, address);
    const plain = createServer(serve).listen(80, address);
    await Promise.all([once(secure, 'listening'), once(plain, 'listening')]);
    for (const server of [secure, plain]) {
      server.on('connection', (socket: Socket) =>
        sockets.add(socket.on('close', () => sockets.delete(socket))),
      );
      servers.push(server);
    }
  }
  return {
    caPem: authority.caPem,
    requestsFor: (host) => requests.get(host) ?? 0,
    async stop() {
      const closed = servers.map((server) => once(server, 'close'));
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** Any unary gRPC method answers an empty message. */
const EMPTY_MESSAGE = Buffer.alloc(5);

function answer(request: Request, response: Response, wheel: Buffer): void {
  if (request.headers['content-type']?.startsWith('application/grpc')) {
    const call = response as Http2ServerResponse;
    call.setHeader('content-type', 'application/grpc');
    call.addTrailers({ 'grpc-status': '0' });
    call.end(EMPTY_MESSAGE);
    return;
  }
  const [type, body] = contentOf(request.url ?? '', wheel);
  response.setHeader('content-type', type);
  response.setHeader('content-length', body.length);
  (response as ServerResponse).end(body);
}

function contentOf(path: string, wheel: Buffer): readonly [string, Buffer] {
  if (path.endsWith('.whl')) return ['application/octet-stream', wheel];
  if (path.startsWith('/simple/demo')) {
    return [
      'text/html',
      Buffer.from('<a href="/files/demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a>'),
    ];
  }
  if (path.endsWith('repodata.json')) return ['application/json', Buffer.from('{"packages":{}}')];
  return ['text/plain', Buffer.from('a page\n')];
}
