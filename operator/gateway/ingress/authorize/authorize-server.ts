// The check for proxies of others: a small HTTP server that answers 200 or 403, and logs as an ingress gateway does.
// Until plans are known it answers 503, which proxies take for a denial.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { plainAddress } from '../../../model/address-range.ts';
import type { WrittenInboundLine } from '../../../model/inbound-line.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { type AuthorizeAnswer, type AuthorizeSettings, answerQuestion } from './authorize-answer.ts';

export interface AuthorizeOptions extends AuthorizeSettings {
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  /** Those in force; undefined while they are not known. The very same array while nothing has changed. */
  readonly plans: () => readonly IngressPlan[] | undefined;
  readonly append: (line: WrittenInboundLine) => void;
}

export interface AuthorizeServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** A question that comes slower than this is none. */
const REQUEST_MS = 10_000;
/** Longer than proxies keep a connection: theirs are the ones to close. */
const KEEP_ALIVE_MS = 120_000;
const MAX_HEAD_BYTES = 65_536;
const NOT_READY: AuthorizeAnswer = {
  status: 503,
  headers: {},
  body: 'The access lists are not known yet; ask again\n',
};

/** Throws where the port is taken. */
export async function startAuthorize(options: AuthorizeOptions): Promise<AuthorizeServer> {
  const server = createServer(
    {
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
    },
    (request, response) => respond(options, request, response),
  );
  server.listen({ host: options.address, port: options.port });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function respond(options: AuthorizeOptions, request: IncomingMessage, response: ServerResponse): void {
  // A body is the client's, and has no meaning here.
  request.resume();
  const plans = options.plans();
  const answer =
    plans === undefined ? NOT_READY : answerQuestion(headOf(request), plans, options, new Date());
  if (answer.line !== undefined) options.append(answer.line);
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}

function headOf({ method = '', url = '', socket, headersDistinct }: IncomingMessage) {
  const peer = socket.remoteAddress ?? '';
  return { method, url, peer: plainAddress(peer) ?? peer, headers: headersDistinct };
}
