// The HTTPS server of the collector: who calls, first of all; then what a gateway has to store, or what a person asks.
// Bodies are read only of callers that are known, and only a few at a time.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { boundConnections, type EndedConnection } from '../../lib/connection-bound.ts';
import type { Denial } from '../../model/denial.ts';
import { entryUseReportSchema } from '../../model/entry-use-row.ts';
import type { InboundDenial } from '../../model/inbound-denial.ts';
import type { EntryUseStore } from '../store/entry-use-store.ts';
import type { LogRow, RowSink } from '../store/row-sink.ts';
import {
  BATCH_SCHEMAS,
  batchPath,
  type Direction,
  ENTRY_USES_PATH,
  MOST_PACKED_BYTES,
  MOST_QUERY_BYTES,
  progressPath,
  QUERY_PATH,
} from '../wire/collector-wire.ts';
import { type Authenticate, type Caller, callerKey, type GatewayCaller } from './caller.ts';
import { BusyError, CollectorError } from './collector-error.ts';
import { addPersonRoutes, type PersonAnswers } from './person-routes.ts';
import { readBody, tooLong } from './read-body.ts';
import { type BatchReceiver, receiveBatch, type StoredBatch } from './receive-batch.ts';

/** What a server shows, and whose client certificates it believes; PEM. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Undefined: nobody's. */
  readonly clientCa?: string | undefined;
}

/** "other": no call of ours. */
type RequestKind = 'batch' | 'progress' | 'entry-uses' | 'query' | 'other';

export interface CollectorServerOptions extends PersonAnswers {
  /** How long a connection may be without a caller that is known; default 10,000. */
  readonly unacceptedMs?: number;
  readonly tls: ServerTls;
  readonly authenticate: Authenticate;
  readonly outbound: RowSink<Denial>;
  readonly inbound: RowSink<InboundDenial>;
  readonly uses: EntryUseStore;
  /** Fills in pod, node and owner of rows of workloads. */
  readonly identify: (rows: readonly Denial[]) => Promise<readonly Denial[]>;
  readonly onStored: (direction: Direction, stored: StoredBatch) => void;
  /** Of an answer that is no success: its status, the sentence in it, and what was asked for. */
  readonly onRefused: (status: number, sentence: string, request: RequestKind) => void;
  /** Of a connection that had no caller in time, or that was the least needed of too many. */
  readonly onConnectionEnded: (why: EndedConnection) => void;
  /** A fault of ours. */
  readonly onFault: (error: unknown) => void;
}

export interface CollectorServer {
  /** 0 before it listens. */
  readonly port: number;
  /** Throws where the port is taken; 0 takes any. */
  listen(address: string, port: number): Promise<void>;
  /** For new connections. */
  setTls(tls: ServerTls): void;
  /** Requests under way are answered. */
  close(): Promise<void>;
}

const REQUEST_MS = 30_000;
const MOST_CONNECTIONS = 1024;
/** For TLS, the head of a request, and the API server's answer to who calls. */
const UNACCEPTED_MS = 10_000;
/** Bodies in memory, each of at most MOST_BODY_BYTES. */
const MOST_BATCHES = 8;
const BUSY = 'Cannot take more batches at once: try again in a moment';

/** Not listening yet. */
export function createCollectorServer(options: CollectorServerOptions): CollectorServer {
  const server = createFastify(options);
  const { server: https } = server;
  return {
    get port() {
      return (https.address() as AddressInfo | null)?.port ?? 0;
    },
    listen: async (host, port) => void (await server.listen({ host, port })),
    setTls: (tls) => https.setSecureContext(secureOptions(tls)),
    close: () => server.close(),
  };
}

/**
 * Client certificates are asked for and checked; a caller without one may have a token. Without an authority of clients
 * the list is empty: left out, it would be that of all public ones.
 */
function secureOptions({ cert, key, clientCa }: ServerTls) {
  return { cert, key, ca: clientCa ?? [], minVersion: 'TLSv1.2' as const };
}

function createFastify(options: CollectorServerOptions) {
  const { tls, outbound, inbound, identify } = options;
  const server = fastify({
    https: { ...secureOptions(tls), requestCert: true, rejectUnauthorized: false },
    requestTimeout: REQUEST_MS,
    bodyLimit: MOST_QUERY_BYTES,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  const connections = boundConnections(server.server as unknown as Server, {
    most: MOST_CONNECTIONS,
    unacceptedMs: options.unacceptedMs ?? UNACCEPTED_MS,
    onEnded: options.onConnectionEnded,
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error, request, reply) =>
    refuse(reply, toCollectorError(error, request, options), options),
  );
  const callers = new WeakMap<FastifyRequest, Caller>();
  server.addHook('onRequest', async (request) => {
    const caller = await callerOf(request, options);
    callers.set(request, caller);
    connections.accept(request.raw.socket, callerKey(caller));
    // Before its body is read.
    if (request.is404) throw noSuchCall(request);
  });
  // Only with one of its own hooks are called.
  server.setNotFoundHandler((request, reply) => refuse(reply, noSuchCall(request), options));
  const serving: Serving = { server, gatewayOf: gatewayOf(callers), slots: { taken: 0 } };
  addGatewayRoutes<Denial>(serving, 'outbound', {
    ...{ schema: BATCH_SCHEMAS.outbound, sink: outbound, identify },
    onStored: (stored) => options.onStored('outbound', stored),
  });
  addGatewayRoutes<InboundDenial>(serving, 'inbound', {
    ...{ schema: BATCH_SCHEMAS.inbound, sink: inbound, identify: async (rows) => rows },
    onStored: (stored) => options.onStored('inbound', stored),
  });
  addUsesRoute(serving, options);
  const known = {
    then: (request: FastifyRequest) => callers.get(request),
    now: (request: FastifyRequest) => callerOf(request, options),
  };
  addPersonRoutes(server, known, options);
  return server;
}

function noSuchCall({ method, url }: FastifyRequest): CollectorError {
  return new CollectorError(404, `Cannot answer ${method} ${url}: no such call`);
}

interface Serving {
  readonly server: Pick<FastifyInstance, 'route'>;
  readonly gatewayOf: (request: FastifyRequest, direction: Direction) => GatewayCaller;
  readonly slots: { taken: number };
}

function addGatewayRoutes<Row extends LogRow>(
  { server, gatewayOf, slots }: Serving,
  direction: Direction,
  receiver: BatchReceiver<Row>,
): void {
  const { sink } = receiver;
  server.route({
    method: 'GET',
    url: progressPath(direction),
    handler: async (request) => {
      const { positions, ...progress } = await sink.progress(gatewayOf(request, direction).name);
      return { ...progress, positions: Object.fromEntries(positions), canRaise: sink.canRaise };
    },
  });
  server.route({
    method: 'POST',
    url: batchPath(direction),
    bodyLimit: MOST_PACKED_BYTES,
    onRequest: takeSlot(gatewayOf, slots, direction),
    handler: (request) =>
      receiveBatch(
        gatewayOf(request, direction),
        () => readBody(request.body as Buffer, request.headers['content-encoding']),
        receiver,
      ),
  });
}

/** What gateways count of what they let through. */
function addUsesRoute({ server, gatewayOf, slots }: Serving, { uses }: CollectorServerOptions): void {
  server.route({
    method: 'POST',
    url: ENTRY_USES_PATH,
    bodyLimit: MOST_PACKED_BYTES,
    onRequest: takeSlot(gatewayOf, slots, 'outbound'),
    handler: async (request) => {
      const { name } = gatewayOf(request, 'outbound');
      const body = await readBody(request.body as Buffer, request.headers['content-encoding']);
      const report = entryUseReportSchema.safeParse(body);
      if (!report.success)
        throw new CollectorError(400, `Cannot read the report: ${z.prettifyError(report.error)}`);
      await uses.recordUses(name, report.data);
      return {};
    },
  });
}

/** Before the body of a gateway is read. */
function takeSlot(gatewayOf: Serving['gatewayOf'], slots: Serving['slots'], direction: Direction) {
  const holding = new WeakSet<FastifyRequest>();
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    gatewayOf(request, direction);
    if (slots.taken >= MOST_BATCHES) throw new BusyError(503, BUSY);
    slots.taken += 1;
    holding.add(request);
    // Also where the caller goes before its body is whole.
    reply.raw.once('close', () => {
      if (holding.delete(request)) slots.taken -= 1;
    });
  };
}

function gatewayOf(callers: WeakMap<FastifyRequest, Caller>): Serving['gatewayOf'] {
  return (request, direction) => {
    const caller = callers.get(request);
    if (caller?.kind === 'gateway' && caller.direction === direction) return caller;
    const who = caller?.kind === 'gateway' ? `gateway "${caller.name}"` : `user "${caller?.user ?? ''}"`;
    throw new CollectorError(
      403,
      `Cannot take ${direction} rows of ${who}: only pods of Sallyport's own gateways may write them`,
    );
  };
}

const BEARER = /^bearer +([A-Za-z0-9._~+/-]{1,16384}=*) *$/i;

async function callerOf(request: FastifyRequest, { authenticate, onFault }: CollectorServerOptions) {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  const caller = await authenticate({ token, certificate: certificateOf(request) }).catch(
    (error: unknown) => {
      onFault(error);
      throw new CollectorError(
        503,
        'Cannot find out who calls: the API server does not answer; try again',
        error,
      );
    },
  );
  if (caller !== undefined) return caller;
  const advice = 'send "Authorization: Bearer TOKEN", or use a client certificate of the cluster';
  throw new CollectorError(
    401,
    `Cannot find out who calls: the credentials are missing or not accepted; ${advice}`,
  );
}

/** As Kubernetes reads it: CN is the user, each O a group. */
function certificateOf({ raw }: FastifyRequest) {
  const socket = raw.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const { CN: names, O: groups } = (subject ?? {}) as { readonly CN?: Several; readonly O?: Several };
  return typeof names === 'string' ? { user: names, groups: [groups ?? []].flat() } : undefined;
}

type Several = string | readonly string[];

function toCollectorError(
  error: unknown,
  { routeOptions: { bodyLimit = MOST_QUERY_BYTES } }: FastifyRequest,
  { onFault }: CollectorServerOptions,
): CollectorError {
  if (error instanceof CollectorError) return error;
  const {
    statusCode = 500,
    message,
    code,
  } = error as Partial<Error> & {
    readonly statusCode?: number;
    readonly code?: string;
  };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLong(bodyLimit);
  if (statusCode >= 400 && statusCode < 500)
    return new CollectorError(statusCode, `Cannot accept this request: ${message ?? ''}`);
  onFault(error);
  return new CollectorError(500, 'Cannot store or read rows now: the log of the collector says why', error);
}

const KINDS: Readonly<Record<string, RequestKind>> = {
  ...{ [batchPath('outbound')]: 'batch', [batchPath('inbound')]: 'batch' },
  ...{ [progressPath('outbound')]: 'progress', [progressPath('inbound')]: 'progress', [QUERY_PATH]: 'query' },
  [ENTRY_USES_PATH]: 'entry-uses',
};

function kindOf({ routeOptions: { url = '' } }: FastifyRequest): RequestKind {
  return KINDS[url] ?? 'other';
}

function refuse(
  reply: FastifyReply,
  error: CollectorError,
  { onRefused }: CollectorServerOptions,
): FastifyReply {
  const { status, message } = error;
  onRefused(status, message, kindOf(reply.request));
  if (error instanceof BusyError) reply.header('retry-after', error.retryAfterS);
  return reply.code(status).send({ error: message });
}
