// What an HTTP or HTTPS origin of the stand-in outside servers answers.
// In: a request. Out: a JSON page that says how the request arrived, or /bytes/N, or /slow.
// Every answer carries ORIGIN_HEADER, so that a client can tell it from an answer that a proxy made up.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';

/** Value: "address:port" of the origin. */
export const ORIGIN_HEADER = 'x-stand-in-origin';

export interface OriginPage {
  readonly protocol: 'http' | 'https';
  readonly method: string;
  /** The Host header as it came. */
  readonly host: string;
  readonly path: string;
  readonly sni: string | null;
  /** Who connected, "ip:port". */
  readonly peer: string;
  /** Where the request arrived, "ip:port". */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Length of the request's body. */
  readonly receivedBytes: number;
}

const BLOCK = Buffer.alloc(64 * 1024, 'x');
const SLOW_LINES = 10;
const SLOW_INTERVAL_MS = 100;

/**
 * GET /bytes/N: N bytes. GET /slow: ten lines, one each 100 ms; /slow/COUNT/MS to choose. Anything else: an OriginPage.
 */
export function serveOriginPage(request: IncomingMessage, response: ServerResponse): void {
  const serve = chooseAnswer(request.url ?? '/');
  response.setHeader(ORIGIN_HEADER, originOf(request.socket));
  serve(request, response).catch(() => response.destroy());
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function chooseAnswer(path: string): Answer {
  const bytes = /^\/bytes\/(\d+)$/.exec(path);
  if (bytes !== null) return async (_request, response) => sendBytes(response, Number(bytes[1]));
  const slow = /^\/slow(?:\/(\d+)\/(\d+))?$/.exec(path);
  if (slow === null) return sendPage;
  const [, lines = SLOW_LINES, intervalMs = SLOW_INTERVAL_MS] = slow;
  return async (_request, response) => trickle(response, Number(lines), Number(intervalMs));
}

async function sendBytes(response: ServerResponse, length: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
  for (let left = length; left > 0 && !response.destroyed; left -= BLOCK.length) {
    const accepted = response.write(BLOCK.subarray(0, Math.min(left, BLOCK.length)));
    // A client that goes away in the middle closes the response, and no drain would come.
    if (!accepted) await drainedOrClosed(response);
  }
  response.end();
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      response.off('drain', finish).off('close', finish);
      resolve();
    };
    response.on('drain', finish).on('close', finish);
  });
}

async function trickle(response: ServerResponse, lines: number, intervalMs: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/plain' });
  for (let line = 1; line <= lines && !response.destroyed; line++) {
    response.write(`line ${line} of ${lines}\n`);
    await wait(intervalMs);
  }
  response.end();
}

async function sendPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let receivedBytes = 0;
  for await (const chunk of request) receivedBytes += (chunk as Buffer).length;
  const page = { ...describe(request), receivedBytes } satisfies OriginPage;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(page, null, 2)}\n`);
}

function describe(request: IncomingMessage): Omit<OriginPage, 'receivedBytes'> {
  const { socket, method = '', url = '', headers } = request;
  return {
    protocol: socket instanceof TLSSocket ? 'https' : 'http',
    method,
    host: headers.host ?? '',
    path: url,
    sni: socket instanceof TLSSocket ? socket.servername || null : null,
    peer: `${socket.remoteAddress}:${socket.remotePort}`,
    origin: originOf(socket),
    headers: headers as OriginPage['headers'],
  };
}

function originOf(socket: Socket): string {
  return `${socket.localAddress}:${socket.localPort}`;
}
