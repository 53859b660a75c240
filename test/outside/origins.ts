// Servers that stand in for those outside, on loopback addresses: HTTPS, HTTP, TCP echo, and a server that speaks
// first. In: address, port and protocol. Out: answers, and a journal of every connection, however far it came. A test
// that says "nothing arrived" reads that journal, so a connection is written down before it is served.
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { CertificateAuthority } from './certificates.ts';
import { sendWithoutEnd } from './endless-sender.ts';
import { errorCode } from './error-code.ts';
import { serveOriginPage } from './origin-page.ts';

/**
 * `ssh` sends a banner before the client says anything, then echoes; `echo` waits for the client. `witness` writes down
 * what it receives, and answers in kind: to a ClientHello, to HTTP, or to anything else. `endless` sends without end once
 * it was spoken to; `deaf` reads nothing.
 */
export type OriginProtocol = 'https' | 'http' | 'echo' | 'ssh' | 'witness' | 'endless' | 'deaf';

export interface Arrival {
  readonly protocol: OriginProtocol;
  /** Where it arrived. */
  readonly address: string;
  readonly port: number;
  /** Who connected, "ip:port". */
  readonly peer: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Server name of the ClientHello, once the handshake is done; null for none. */
  readonly sni: string | null;
  readonly requests: readonly ArrivedRequest[];
  /** What a `witness` received, Latin-1. */
  readonly said: string;
}

interface ArrivedRequest {
  readonly method: string;
  /** The Host header without its port, lower case. */
  readonly host: string;
  readonly path: string;
}

export interface Origins {
  /** In the order of arrival; entries grow while their connection lives. */
  readonly arrivals: readonly Arrival[];
  /** Serves one more address and port; a second call for the same pair does nothing. Throws where it cannot listen. */
  listen(address: string, port: number, protocol: OriginProtocol): Promise<void>;
  stop(): Promise<void>;
}

export const SSH_BANNER = 'SSH-2.0-Stand-in\r\n';

/** Node's own would end a connection after 5 s of silence, which looks as if a gateway had cut it. */
const PATIENT = { keepAliveTimeout: 0 };

export function createOrigins(authority: CertificateAuthority): Origins {
  const journal = new Journal();
  const servers = new Map<string, Server>();
  return {
    arrivals: journal.arrivals,
    async listen(address, port, protocol) {
      const key = `${address}:${port}`;
      if (servers.has(key)) return;
      const server = await buildServer({ address, port, protocol }, authority, journal);
      servers.set(key, server);
      try {
        server.listen({ host: address, port, backlog: BACKLOG });
        await once(server, 'listening');
      } catch (error) {
        servers.delete(key);
        throw new Error(`Cannot listen on "${key}": ${adviceFor(error, port)}`, { cause: error });
      }
    },
    async stop() {
      const closed = [...servers.values()].map((server) => once(server.close(), 'close'));
      journal.disconnectAll();
      await Promise.all(closed);
      servers.clear();
    },
  };
}

type Place = Pick<Arrival, 'address' | 'port' | 'protocol'>;

interface Entry extends Arrival {
  sni: string | null;
  readonly requests: ArrivedRequest[];
  said: string;
}

const BACKLOG = 4096;

/** Writes down who came, and knows the open connections. */
class Journal {
  readonly arrivals: Entry[] = [];
  readonly #open = new Map<string, { readonly entry: Entry; readonly socket: Socket }>();

  admit(socket: Socket, place: Place): Entry {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const entry: Entry = { ...place, peer, at: Date.now(), sni: null, requests: [], said: '' };
    const key = connectionKey(socket);
    this.arrivals.push(entry);
    this.#open.set(key, { entry, socket });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(key));
    return entry;
  }

  /** Either of a connection's two sockets will do: the TCP one or the TLS one upon it. */
  noteServerName(socket: TLSSocket): void {
    const entry = this.#open.get(connectionKey(socket))?.entry;
    if (entry !== undefined) entry.sni = socket.servername || null;
  }

  noteRequest(request: IncomingMessage): void {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    const entry = this.#open.get(connectionKey(request.socket))?.entry;
    entry?.requests.push({ method: request.method ?? '', host, path: request.url ?? '' });
  }

  disconnectAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }
}

function connectionKey(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort} ${socket.localAddress}:${socket.localPort}`;
}

async function buildServer(place: Place, authority: CertificateAuthority, journal: Journal): Promise<Server> {
  const servePage: RequestListener = (request, response) => {
    journal.noteRequest(request);
    serveOriginPage(request, response);
  };
  const build: Record<OriginProtocol, () => Server | Promise<Server>> = {
    https: () => buildHttpsServer(place, { authority, journal, servePage }),
    http: () => createHttpServer(PATIENT, servePage),
    endless: () => createTcpServer({ noDelay: true }, sendWithoutEnd),
    echo: () => createTcpServer((socket) => socket.pipe(socket)),
    ssh: () => createTcpServer((socket) => socket.write(SSH_BANNER) && socket.pipe(socket)),
    deaf: () => createTcpServer((socket) => socket.pause()),
    witness: () => createTcpServer((socket) => listenTo(socket, journal.admit(socket, place))),
  };
  const server = await build[place.protocol]();
  if (place.protocol === 'witness') return server;
  return server.prependListener('connection', (socket: Socket) => journal.admit(socket, place));
}

/** Answers once: whoever asks again on the same connection has been answered. */
function listenTo(socket: Socket, entry: Entry): void {
  socket.on('data', (chunk: Buffer) => {
    if (entry.said === '') socket.write(witnessAnswer(chunk), 'latin1');
    entry.said += chunk.toString('latin1', 0, MAX_SAID - entry.said.length);
  });
}

const MAX_SAID = 4096;
const SERVER_HELLO = '\x16\x03\x03\x00\x04\x02\x00\x00\x00';
const HTTP_ANSWER = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

function witnessAnswer(chunk: Buffer): string {
  if (chunk[0] === 0x16) return SERVER_HELLO;
  return / HTTP\/1\.[01]\r\n/.test(chunk.toString('latin1')) ? HTTP_ANSWER : 'echo!';
}

async function buildHttpsServer(
  place: Place,
  {
    authority,
    journal,
    servePage,
  }: { authority: CertificateAuthority; journal: Journal; servePage: RequestListener },
): Promise<Server> {
  // A client without a server name gets the certificate of the address.
  const { cert, key } = await authority.leafFor(place.address);
  const options = { ...PATIENT, cert, key, ALPNProtocols: ['http/1.1'], SNICallback: contextOf(authority) };
  const server = createHttpsServer(options, servePage);
  server.on('secureConnection', (socket) => journal.noteServerName(socket));
  return server.on('tlsClientError', (_error, socket) => journal.noteServerName(socket));
}

function contextOf(authority: CertificateAuthority): NonNullable<TlsOptions['SNICallback']> {
  return (name, done) => {
    authority.leafFor(name).then(
      ({ context }) => done(null, context),
      (error: Error) => done(error),
    );
  };
}

function adviceFor(error: unknown, port: number): string {
  const code = errorCode(error);
  if (code === 'EACCES') return `ports below 1024 are not allowed here; run through "hack/with-low-ports.sh"`;
  if (code === 'EADDRINUSE') return `another program holds port ${port}; stop it or ask for other "services"`;
  return String(error);
}
