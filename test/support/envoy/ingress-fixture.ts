// The Envoy of an ingress gateway with the resources of plans, and one server behind all of them that says what it got.
// In: plans. Out: answers to requests from any loopback address, and the lines of the log.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, isIPv6, type Socket } from 'node:net';
import { join } from 'node:path';
import type { HeldBackResource } from '../../../operator/gateway/xds/resource-book.ts';
import type { Certificate } from '../../../operator/model/certificate.ts';
import { type InboundLine, parseInboundLine } from '../../../operator/model/inbound-line.ts';
import type { IngressPlan } from '../../../operator/model/ingress-plan.ts';
import type {
  IngressSettings,
  ResolvedBackend,
} from '../../../operator/render/envoy/ingress/ingress-config.ts';
import { renderIngress } from '../../../operator/render/envoy/ingress/render-ingress.ts';
import { ByteReader } from '../../outside/byte-reader.ts';
import { type HttpResponse, readResponse, readResponseHead } from '../../outside/http-exchange.ts';
import { freePorts } from '../free-ports.ts';
import { until } from '../until.ts';
import { XdsFixture } from './xds-fixture.ts';

/** What the server behind the gateway got, by lower-case name; repeated ones are joined. */
export interface SeenRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly host: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  /** Address of the client on this machine. */
  readonly from?: string;
  /** Bytes before the request. */
  readonly before?: string | Buffer;
}

export interface Deployment {
  readonly generations?: ReadonlyMap<string, number>;
  readonly certificates?: ReadonlyMap<string, Certificate>;
  /** The server of the fixture where absent. */
  readonly backends?: ReadonlyMap<string, readonly ResolvedBackend[]>;
}

export interface KeptConnection {
  /** Resolves with the status. */
  readonly ask: () => Promise<number>;
  readonly close: () => void;
}

export interface WebSocketLike {
  readonly status: number;
  /** The Connection header that the server got. */
  readonly connectionSeen: string;
  readonly echo: (text: string) => Promise<string>;
  readonly closed: Promise<void>;
  readonly close: () => void;
}

export class IngressFixture {
  readonly xds: XdsFixture;
  readonly settings: IngressSettings & { readonly httpPort: number; readonly tlsPort: number };
  readonly #server: Server;

  private constructor(xds: XdsFixture, settings: IngressFixture['settings'], server: Server) {
    this.xds = xds;
    this.settings = settings;
    this.#server = server;
  }

  /** `maxConnections`: of each port. */
  static async start(more: Partial<IngressSettings> = {}, maxConnections?: number): Promise<IngressFixture> {
    const server = createServer((request, response) => {
      // An answer that never ends.
      if (request.url === '/endless') return void response.write('begun\n');
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(seen(request)));
    });
    // A WebSocket that echoes, without the framing.
    server.on('upgrade', (request, socket) => {
      const { connection = '' } = request.headers;
      const head = ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: upgrade'];
      socket.write([...head, `x-seen: ${connection}`, '', ''].join('\r\n'));
      socket.on('error', () => undefined).pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const [httpPort = 0, tlsPort = 0] = await freePorts(2);
    const xds = await XdsFixture.make({}, maxConnections);
    const settings = {
      directory: xds.directory,
      address: '127.0.0.1',
      trustedProxies: { kind: 'none' },
      proxyProtocolFrom: [],
      accountId: 'account',
      ...more,
      httpPort,
      tlsPort,
    } as const;
    const fixture = new IngressFixture(xds, settings, server);
    await Promise.all([xds.envoy.start(), fixture.apply([])]);
    return fixture;
  }

  get backend(): ResolvedBackend {
    return { address: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  /** Resolves when Envoy has taken all of it; throws where it rejects something. */
  async apply(plans: readonly IngressPlan[], deployment: Deployment = {}): Promise<void> {
    const heldBack = await this.offer(plans, deployment);
    if (heldBack.length > 0) throw new Error(heldBack.map(({ text }) => text).join('; '));
  }

  /** Resolves with what Envoy rejects. */
  async offer(
    plans: readonly IngressPlan[],
    { generations = new Map(), certificates = new Map(), backends }: Deployment = {},
  ): Promise<readonly HeldBackResource[]> {
    const own = new Map(plans.map(({ metadata }) => [metadata.name, [this.backend]]));
    const config = renderIngress({
      plans,
      backends: backends ?? own,
      certificates,
      generations,
      settings: this.settings,
    });
    let heldBack: readonly HeldBackResource[] = [];
    await until('Envoy has the configuration', async () => {
      const { result } = await this.xds.applier.apply(config);
      heldBack = result.status === 'heldBack' ? result.heldBack : [];
      return result.status === 'applied' || result.status === 'heldBack';
    });
    return heldBack;
  }

  async connect(from = '127.0.0.1'): Promise<Socket> {
    const host = isIPv6(from) ? '::1' : '127.0.0.1';
    const socket = connect({ host, port: this.settings.httpPort, localAddress: from });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  ask({ host, path = '/', headers = [], from, before = '' }: Asked): Promise<HttpResponse | undefined> {
    const head = [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''];
    return this.send(Buffer.concat([Buffer.from(before), Buffer.from(head.join('\r\n'), 'latin1')]), from);
  }

  /** Any bytes; undefined where the connection was closed without an answer. */
  async send(bytes: Buffer, from?: string): Promise<HttpResponse | undefined> {
    const socket = await this.connect(from);
    socket.write(bytes);
    try {
      return await readResponse(new ByteReader(socket), 'GET').catch(() => undefined);
    } finally {
      socket.destroy();
    }
  }

  async log(): Promise<readonly InboundLine[]> {
    const text = await readFile(join(this.settings.directory, 'log/access.log'), 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => parseInboundLine(line) ?? []);
  }

  /** By path of the request; waits for all of these. */
  async lines(paths: readonly string[]): Promise<ReadonlyMap<string, InboundLine>> {
    let lines = new Map<string, InboundLine>();
    await until('all lines are written', async () => {
      lines = new Map((await this.log()).map((line) => [line.path, line]));
      return paths.every((path) => lines.has(path));
    });
    return lines;
  }

  /** A connection on which one request follows the other. */
  async keepAlive(host: string, from?: string): Promise<KeptConnection> {
    const socket = await this.connect(from);
    const reader = new ByteReader(socket);
    return {
      ask: async () => {
        socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        return (await readResponse(reader, 'GET')).status;
      },
      close: () => socket.destroy(),
    };
  }

  /** Resolves when the answer has begun. */
  async endless(host: string, from?: string): Promise<{ readonly closed: Promise<void> }> {
    const socket = await this.connect(from);
    const closed = once(socket, 'close').then(() => undefined);
    socket.write(`GET /endless HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await new ByteReader(socket).readThrough('begun\n');
    socket.resume();
    return { closed };
  }

  async webSocket(host: string, from?: string, connection = 'Upgrade'): Promise<WebSocketLike> {
    const socket = await this.connect(from);
    const reader = new ByteReader(socket);
    const closed = once(socket, 'close').then(() => undefined);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: ${connection}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    const { status, headers } = await readResponseHead(reader);
    return {
      status,
      connectionSeen: headers['x-seen'] ?? '',
      echo: async (text) => {
        socket.write(text);
        return (await reader.readExactly(text.length)).toString();
      },
      closed,
      close: () => socket.destroy(),
    };
  }

  async stop(): Promise<void> {
    await this.xds.remove();
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }
}

export function seenBy(answer: HttpResponse | undefined): SeenRequest | undefined {
  return answer?.status === 200 ? (JSON.parse(answer.body) as SeenRequest) : undefined;
}

function seen(request: IncomingMessage): SeenRequest {
  const headers: Record<string, string> = {};
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] ?? '').toLowerCase();
    const value = request.rawHeaders[at + 1] ?? '';
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { path: request.url ?? '', headers };
}
