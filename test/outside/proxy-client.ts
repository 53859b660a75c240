// A real client of the gateway: through an HTTP proxy, or straight to an address as a transparent client does.
// In: whom to ask, and which bytes to send. Out: what happened, as a value; what the network does is a result and
// never an exception (only a request that makes no sense throws).
// It uses no HTTP library and no proxy variables: what goes over the wire is what this folder writes.
import type { Socket } from 'node:net';
import { type Aim, aimAtAuthority, aimAtUrl } from './aim.ts';
import { type AskResult, describeFailure, describeResponse, type Finding } from './ask-result.ts';
import { ByteReader } from './byte-reader.ts';
import { connectThrough, connectTo, lookUp, type Opened, type Place, startTls } from './dial.ts';
import {
  formatRequestHead,
  type HeaderValues,
  type HttpResponse,
  mergeHeaders,
  type RequestHead,
  readResponse,
} from './http-exchange.ts';

export interface AskOptions {
  /** The HTTP proxy; without it the client connects to the host itself. */
  readonly proxy?: Place;
  /** Without a proxy: connect here instead of asking the DNS. */
  readonly address?: Place;
  /** Without a proxy: the DNS to ask, "ip:port". */
  readonly resolver?: string;
  /** Source address. */
  readonly localAddress?: string;
  /** PEM of the authority whose certificates are believed. */
  readonly ca?: string;
  /** The host unless given; null sends none. With another name the certificate's chain is checked, not its name. */
  readonly sni?: string | null;
  readonly method?: string;
  /** Of the request for the server; replace the client's own, Host included. */
  readonly headers?: HeaderValues;
  /** Of the CONNECT. */
  readonly connectHeaders?: HeaderValues;
  /** How the proxy is spoken to; "1.0" leaves the Host header out of CONNECT, as old Python does. */
  readonly httpVersion?: '1.0' | '1.1';
  /** For everything together; 10000 unless given. */
  readonly timeoutMs?: number;
}

/** https: CONNECT, TLS, one request. http: one request in absolute form (without a proxy: in origin form). */
export interface AskUrl extends AskOptions {
  /** Sent by the letter, never normalised. */
  readonly url: string;
}

/** CONNECT to exactly this "host:port" (without a proxy: a plain connection to it), then what `sends` says. */
export interface AskTunnel extends AskOptions {
  readonly connect: string;
  /**
   * `tls` unless given: TLS and one request. `plain`: one request. `bytes`: these bytes. `nothing`: the server speaks
   * first.
   */
  readonly sends?: 'tls' | 'plain' | 'bytes' | 'nothing';
  readonly bytes?: string | Uint8Array;
  readonly path?: string;
}

export type Ask = AskUrl | AskTunnel;

/** A connection that stays open, through a proxy or not. The caller closes it. */
export interface Tunnel {
  /** The TLS socket, or the plain one where `sends` is not `tls`. */
  readonly socket: Socket;
  /** Reads `socket`; nothing else may. */
  readonly reader: ByteReader;
  readonly proxyStatus: number | undefined;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** One more request on the same connection; for `tls` and `plain`. */
  get(path: string): Promise<HttpResponse>;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 10_000;

export async function ask(request: Ask): Promise<AskResult> {
  const startedAt = performance.now();
  const attempt = attemptAt(request);
  const finding = await withinTime(attempt, carryOut(attempt)).catch(describeFailure);
  closeAll(attempt);
  const { proxyStatus } = attempt;
  return {
    ...(proxyStatus === undefined ? {} : { proxyStatus }),
    ...finding,
    elapsedMs: performance.now() - startedAt,
  };
}

/** Opens the connection and, for `tls`, shakes hands; sends nothing more. Throws where ask() would not say `ok`. */
export async function openTunnel(request: Ask): Promise<Tunnel> {
  const attempt = attemptAt(request);
  try {
    return holdOpen(attempt, await withinTime(attempt, open(attempt)));
  } catch (error) {
    closeAll(attempt);
    const { outcome, proxyStatus, error: message } = describeFailure(error);
    const authority = attempt.plan.aim.authority;
    throw new Error(`Cannot open a tunnel to "${authority}": ${outcome}, ${message ?? proxyStatus}`, {
      cause: error,
    });
  }
}

/** A request with every choice made. */
interface Plan extends AskOptions {
  readonly aim: Aim;
  readonly method: string;
  readonly httpVersion: '1.0' | '1.1';
  readonly timeoutMs: number;
  readonly sends: 'tls' | 'plain' | 'bytes' | 'nothing';
  readonly bytes: string | Uint8Array;
  /** Whether the connection goes through a CONNECT. */
  readonly isTunnel: boolean;
}

/** One run of a plan: what has been opened so far, and what the proxy said to CONNECT. */
interface Attempt {
  readonly plan: Plan;
  readonly sockets: Socket[];
  proxyStatus: number | undefined;
}

function attemptAt(request: Ask): Attempt {
  return { plan: planOf(request), sockets: [], proxyStatus: undefined };
}

function closeAll({ sockets }: Attempt): void {
  for (const socket of sockets) socket.destroy();
}

function planOf(request: Ask): Plan {
  const defaults = { method: 'GET', httpVersion: '1.1', timeoutMs: DEFAULT_TIMEOUT_MS, bytes: '' } as const;
  if ('connect' in request) {
    const aim = aimAtAuthority(request.connect, request.path ?? '/');
    return { sends: 'tls', ...defaults, ...request, aim, isTunnel: request.proxy !== undefined };
  }
  const aim = aimAtUrl(request.url);
  const isHttps = aim.scheme === 'https';
  const sends = isHttps ? 'tls' : 'plain';
  return { ...defaults, ...request, aim, sends, isTunnel: isHttps && request.proxy !== undefined };
}

async function carryOut(attempt: Attempt): Promise<Finding> {
  const { plan } = attempt;
  const socket = await open(attempt);
  const reader = new ByteReader(socket);
  if (plan.sends === 'tls' || plan.sends === 'plain') {
    socket.write(formatRequestHead(requestHead(plan, 'close')));
    const isDirect = attempt.proxyStatus === undefined && plan.sends === 'plain';
    return describeResponse(await readResponse(reader, plan.method), isDirect);
  }
  if (plan.sends === 'bytes') socket.write(plan.bytes);
  return { outcome: 'ok', body: (await reader.readSome()).toString('utf8') };
}

async function open(attempt: Attempt): Promise<Socket> {
  const { plan } = attempt;
  const { proxy, aim, sni, ca, localAddress } = plan;
  const opened: Opened = (socket) => attempt.sockets.push(socket);
  const place = proxy ?? plan.address ?? { host: await lookUp(aim.host, plan.resolver), port: aim.port };
  const socket = await connectTo(place, { localAddress, opened });
  if (plan.isTunnel) attempt.proxyStatus = await connectThrough(socket, connectHead(plan));
  return plan.sends === 'tls' ? startTls(socket, { host: aim.host, sni, ca }, opened) : socket;
}

function connectHead({ aim, httpVersion: version, connectHeaders }: Plan): RequestHead {
  const own: HeaderValues = version === '1.0' ? {} : { Host: aim.authority };
  return { method: 'CONNECT', target: aim.authority, version, headers: mergeHeaders(own, connectHeaders) };
}

function requestHead(plan: Plan, connection: 'close' | 'keep-alive'): RequestHead {
  const { aim, method, headers, proxy, isTunnel } = plan;
  const isAbsolute = proxy !== undefined && !isTunnel;
  return {
    method,
    target: isAbsolute ? plan.aim.url : aim.path,
    version: isAbsolute ? plan.httpVersion : '1.1',
    headers: mergeHeaders({ Host: aim.hostHeader, Accept: '*/*', Connection: connection }, headers),
  };
}

function holdOpen({ plan, proxyStatus }: Attempt, socket: Socket): Tunnel {
  const reader = new ByteReader(socket);
  return {
    socket,
    reader,
    proxyStatus,
    closed: closing(socket),
    async get(path) {
      const { hostHeader } = plan.aim;
      const aim = { ...plan.aim, path, url: `http://${hostHeader}${path}` };
      socket.write(formatRequestHead(requestHead({ ...plan, method: 'GET', aim }, 'keep-alive')));
      return readResponse(reader, 'GET');
    },
    close: () => socket.destroy(),
  };
}

// Not once(): that rejects on an error, and here an error is one more way to be closed.
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    socket.once('close', () => resolve());
  });
}

async function withinTime<T>({ plan: { timeoutMs } }: Attempt, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${timeoutMs} ms`)), timeoutMs);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}
