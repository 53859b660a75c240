// One operation of the load: TCP connection, CONNECT where there is a proxy, TLS handshake, one request, its answer.
// Written for little CPU, since it runs on the machine that it measures: callbacks, and HTTP by hand.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface TunnelOptions {
  /** Host name behind port 443. */
  readonly name: string;
  /** Where the TCP connection goes: a proxy, or the origin itself. */
  readonly target: Place;
  readonly isProxy: boolean;
  /** One for all; sessions are not kept, so that every handshake is a full one. */
  readonly context: SecureContext;
}

type Done = (error: Error | undefined) => void;

const TUNNEL_PORT = 443;
const TIMEOUT_MS = 10_000;
const END_OF_HEAD = '\r\n\r\n';

export function runTunnel(options: TunnelOptions, done: Done): void {
  const socket = connectTcp({ ...options.target, noDelay: true });
  const finish = once((error) => {
    socket.destroy();
    done(error);
  });
  socket.setTimeout(TIMEOUT_MS, () => finish(new Error('no answer in time')));
  socket.on('error', finish).on('close', () => finish(new Error('closed before the answer')));
  socket.once('connect', () => {
    if (options.isProxy) askProxy(socket, options, finish);
    else handshake(socket, options, finish);
  });
}

function askProxy(socket: Socket, options: TunnelOptions, finish: Done): void {
  const authority = `${options.name}:${TUNNEL_PORT}`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}${END_OF_HEAD}`);
  let head = '';
  const onData = (chunk: Buffer): void => {
    head += chunk.toString('latin1');
    if (!head.includes(END_OF_HEAD)) return;
    socket.off('data', onData);
    if (head.startsWith('HTTP/1.1 200')) handshake(socket, options, finish);
    else finish(new Error(`the proxy said "${head.slice(0, head.indexOf('\r\n'))}"`));
  };
  socket.on('data', onData);
}

/** A whole handshake, the certificate proved, as every client does it. */
function handshake(socket: Socket, { name, context }: TunnelOptions, finish: Done): void {
  const tls = connectTls({ socket, servername: name, secureContext: context });
  tls.on('error', finish).on('close', () => finish(new Error('closed before the answer')));
  tls.once('secureConnect', () => tls.write(`GET / HTTP/1.1\r\nHost: ${name}${END_OF_HEAD}`));
  tls.once('data', (chunk: Buffer) => {
    const status = chunk.toString('latin1', 0, 12);
    finish(status === 'HTTP/1.1 200' ? undefined : new Error(`the origin said "${status}"`));
  });
}

function once(done: Done): Done {
  let isDone = false;
  return (error) => {
    if (isDone) return;
    isDone = true;
    done(error);
  };
}
