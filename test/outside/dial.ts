// The steps by which a client reaches a server: look up, connect, CONNECT through a proxy, TLS. In: addresses and exact
// bytes. Out: sockets. Every step throws what the network did; `ProxyRefusal` is a proxy's own "no". A socket is given
// to `opened` before anything can go wrong on it, so that the caller can always close it.
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { ByteReader } from './byte-reader.ts';
import {
  formatRequestHead,
  type HttpResponse,
  type RequestHead,
  readBodyText,
  readResponseHead,
} from './http-exchange.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface TlsOptions {
  /** The name that the certificate must prove, unless another name was asked for by `sni`. */
  readonly host: string;
  /** Undefined: the host, or none for an address. Null: none. */
  readonly sni: string | null | undefined;
  /** PEM. */
  readonly ca: string | undefined;
}

export type Opened = (socket: Socket) => void;

/** The proxy answered CONNECT with something else than 2xx. */
export class ProxyRefusal extends Error {
  readonly response: HttpResponse;

  constructor(response: HttpResponse) {
    super(`The proxy answered CONNECT with status ${response.status}`);
    this.response = response;
  }
}

/** First A record from the DNS at "ip:port"; an address stays as it is. */
export async function lookUp(host: string, resolver: string | undefined): Promise<string> {
  if (isIP(host) !== 0) return host;
  if (resolver === undefined) {
    throw new Error(`Cannot look up "${host}": give a "proxy", an "address" or a "resolver"`);
  }
  const dns = new Resolver({ tries: 1 });
  dns.setServers([resolver]);
  const [address] = await dns.resolve4(host);
  if (address === undefined) throw new Error(`The DNS has no address for "${host}"`);
  return address;
}

export async function connectTo(
  place: Place,
  { localAddress, opened }: { localAddress: string | undefined; opened: Opened },
): Promise<Socket> {
  const socket = connect({
    ...place,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  keepErrorsHarmless(socket);
  opened(socket);
  await once(socket, 'connect');
  return socket;
}

/**
 * Sends the CONNECT as given; returns the 2xx status, or throws ProxyRefusal. Later bytes stay unread in the socket.
 */
export async function connectThrough(socket: Socket, head: RequestHead): Promise<number> {
  socket.write(formatRequestHead(head));
  const reader = new ByteReader(socket);
  const { status, headers } = await readResponseHead(reader);
  if (status < 200 || status > 299) {
    // The body of a refusal is read as after GET: any answer but 2xx ends the attempt to make a tunnel.
    throw new ProxyRefusal({ status, headers, body: await readBodyText(reader, { status, headers }, 'GET') });
  }
  reader.release();
  return status;
}

export async function startTls(
  socket: Socket,
  { host, sni, ca }: TlsOptions,
  opened: Opened,
): Promise<TLSSocket> {
  const servername = sni === undefined ? (isIP(host) === 0 ? host : '') : (sni ?? '');
  // Who asks for another name on purpose, or for none, gets another certificate; then only its chain can be checked.
  const namesAnother = sni !== undefined && sni !== host;
  const secure = connectTls({
    socket,
    servername,
    ALPNProtocols: ['http/1.1'],
    checkServerIdentity: (_name, certificate) =>
      namesAnother ? undefined : checkServerIdentity(host, certificate),
    ...(ca === undefined ? {} : { ca }),
  });
  keepErrorsHarmless(secure);
  opened(secure);
  await once(secure, 'secureConnect');
  return secure;
}

// Between two steps nobody listens; an error then shows at the next step, as a closed socket.
function keepErrorsHarmless(socket: Socket): void {
  socket.on('error', () => undefined);
}
