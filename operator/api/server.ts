// The HTTP server of the API: for each request which workspace, from where, whose token, then the checked parts to the
// handler of its route. Nothing reaches a handler that the workspace's lists refuse.
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { AddressRange } from '../model/address-range.ts';
import { connectedClient } from '../model/forwarded-client.ts';
import type { WrittenInboundLine } from '../model/inbound-line.ts';
import { problemOfIssue } from '../model/schema-problem.ts';
import type { Administered } from './administrators.ts';
import { ApiError, invalid } from './api-error.ts';
import { answerNoHttp, sendError, toApiError } from './http/answer-errors.ts';
import { installBodyParser } from './http/body-parser.ts';
import { type RequestHead, readHead } from './http/check-request.ts';
import { tokenOf } from './http/credentials.ts';
import { inboundLine, refusedAddress } from './inbound-refusal.ts';
import { openApiDocument } from './openapi.ts';
import { type Call, METHODS, type Place, type Route } from './route.ts';
import { ROUTES } from './routes.ts';
import type { ObjectStore, Session } from './store/object-store.ts';
import type { WorkspaceDirectory } from './workspace-directory.ts';

export interface ApiServerOptions {
  readonly accountId: string;
  readonly store: ObjectStore;
  readonly directory: WorkspaceDirectory;
  readonly trustedProxies: readonly AddressRange[];
  /** Undefined while everything needed is known, else the sentence for clients. */
  readonly notReady: () => string | undefined;
  /** Called for every request that lists allow or deny. */
  readonly onJudged: (line: WrittenInboundLine) => void;
  /** Called for every successful change. */
  readonly onAdministered?: (who: Administered) => void;
  /** A fault of ours. */
  readonly onFault: (error: unknown) => void;
  /** Called for every answer. */
  readonly onAnswer?: (route: string, status: number, durationMs: number) => void;
}

type Checked = Extract<Route, { level: 'WORKSPACE' | 'ACCOUNT' }>;

const REQUEST_TIMEOUT_MS = 30_000;

export interface ApiServer {
  /** 0 before it listens. */
  readonly port: number;
  /** Throws where the port is taken; 0 takes any. */
  listen(address: string, port: number): Promise<void>;
  /** Requests under way are answered. */
  close(): Promise<void>;
}

/** Not listening yet. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const server = createFastify(options);
  return {
    get port() {
      return (server.server.address() as AddressInfo | null)?.port ?? 0;
    },
    listen: async (host, port) => void (await server.listen({ host, port })),
    close: () => server.close(),
  };
}

function createFastify(options: ApiServerOptions): FastifyInstance {
  const server = fastify({
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Node's own answer to a request without one is empty.
    http: { requireHostHeader: false },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // A head may have 16 KiB; what no object can be called is then unknown, as anything else that does not exist.
    routerOptions: { maxParamLength: 16_384 },
    clientErrorHandler: (error, socket) => answerNoHttp(error, socket),
    frameworkErrors: (error, _request, reply) => sendError(reply, toApiError(error, options.onFault)),
  });
  installBodyParser(server);
  const sessions: Sessions = new WeakMap();
  server.setErrorHandler(async (error, request, reply) => {
    const first = await tokenFirst(error, sessions.get(request));
    sendError(reply, toApiError(first, options.onFault));
    return reply;
  });
  server.setNotFoundHandler((request, reply) =>
    sendError(reply, noSuchCall(request, 'GET /openapi.json lists all calls')),
  );
  server.addHook('onRequest', (_request, reply, done) => {
    void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    options.onAnswer?.(`${method} ${routeOptions.url ?? ''}`, reply.statusCode, reply.elapsedTime);
    done();
  });
  for (const route of ROUTES) addRoute(server, route, { options, sessions });
  server.get('/openapi.json', () => openApiDocument(ROUTES));
  refuseOtherMethods(server);
  return server;
}

/** Of requests whose token is at least written as one. */
type Sessions = WeakMap<FastifyRequest, Session>;

interface Serving {
  readonly options: ApiServerOptions;
  readonly sessions: Sessions;
}

/** Whoever has no valid token learns nothing else: neither which workspaces there are, nor what they accept. */
async function tokenFirst(error: unknown, session: Session | undefined): Promise<unknown> {
  try {
    await session?.user();
    return error;
  } catch (fault) {
    return fault;
  }
}

function addRoute(server: FastifyInstance, route: Route, serving: Serving): void {
  const { options } = serving;
  const { accountId } = options;
  const { method, path } = route;
  if (route.level === 'OPEN') {
    server.route({
      method,
      url: path,
      handler: (request) => {
        const workspaceId = options.directory.idOfHost(readHead(request.raw).host);
        return route.handle({ accountId, workspaceId });
      },
    });
    return;
  }
  const admitted = new WeakMap<FastifyRequest, Admitted>();
  server.route({
    method,
    url: path,
    // Before the body is read.
    onRequest: async (request) => void admitted.set(request, await admit(request, route, serving)),
    handler: async (request) => {
      const who = admitted.get(request);
      const answer = await handle(request, route, who);
      if (method !== 'GET') await noteAdministrator(who, options);
      return answer;
    },
  });
}

type Admitted = Omit<Call<unknown, unknown, unknown>, 'nowMs' | 'params' | 'query' | 'body'>;

/** Throws an ApiError for whoever may not even ask. */
async function admit(
  request: FastifyRequest,
  route: Checked,
  { options, sessions }: Serving,
): Promise<Admitted> {
  const head = readHead(request.raw);
  const fault = options.notReady();
  if (fault !== undefined)
    throw new ApiError('TEMPORARILY_UNAVAILABLE', fault, { headers: { 'retry-after': '1' } });
  const address = addressOf(request, head, options);
  const place = placeOf(request, head, route, options);
  if (!(place instanceof ApiError)) checkAddress(request, head, { place, address }, options);
  const session = await options.store.signIn(tokenOf(head.authorization));
  sessions.set(request, session);
  if (place instanceof ApiError) throw place;
  const namespaceOf = (id: string): string | undefined => options.directory.namespaceOf(id);
  return { session, place, accountId: options.accountId, address, namespaceOf };
}

function addressOf(
  request: FastifyRequest,
  { forwardedFor }: RequestHead,
  options: ApiServerOptions,
): string {
  const peer = request.raw.socket.remoteAddress ?? '';
  const caller = connectedClient(peer, forwardedFor, options.trustedProxies);
  if ('address' in caller) return caller.address;
  throw new ApiError('INVALID_REQUEST', `Cannot read who calls: ${caller.fault}`);
}

/** Or the error for those who may know it. */
function placeOf(
  request: FastifyRequest,
  { host, workspace: id }: RequestHead,
  { level }: Checked,
  { directory, accountId }: ApiServerOptions,
): Place | ApiError {
  if (level === 'WORKSPACE') return directory.requested({ host, id });
  const { accountId: called } = request.params as { readonly accountId: string };
  if (called === accountId) return directory.account();
  return new ApiError(
    'RESOURCE_DOES_NOT_EXIST',
    `Cannot find account "${called}": the account_id of this installation is "${accountId}" (--account-id)`,
  );
}

function checkAddress(
  request: FastifyRequest,
  { host }: RequestHead,
  { place, address }: { readonly place: Place; readonly address: string },
  { accountId, directory, onJudged }: ApiServerOptions,
): void {
  const { decision, revision } = directory.decide(place, address);
  const refusal = refusedAddress({ place, decision, address }, accountId);
  const judged = {
    place,
    decision,
    revision,
    address,
    peer: request.raw.socket.remoteAddress ?? '',
    host,
    method: request.method,
    path: pathOf(request),
  };
  // The status of one that goes on is not known yet.
  onJudged(inboundLine(judged, decision.isAllowed ? 0 : refusal.status, new Date()));
  if (!decision.isAllowed) throw refusal;
}

async function handle(
  request: FastifyRequest,
  route: Checked,
  admitted: Admitted | undefined,
): Promise<unknown> {
  if (admitted === undefined) throw new Error('A request was not admitted');
  return route.handle({
    ...admitted,
    nowMs: Date.now(),
    params: parsePart(route.params, request.params, 'path'),
    query: parsePart(route.query, { ...(request.query as object) }, 'query'),
    body: parsePart(route.body, request.body, 'body'),
  });
}

/** The change is made, whatever comes of this. */
async function noteAdministrator(
  admitted: Admitted | undefined,
  { onAdministered, onFault }: ApiServerOptions,
): Promise<void> {
  if (admitted === undefined || onAdministered === undefined) return;
  const { session, place, address } = admitted;
  try {
    onAdministered({ namespace: place.namespace, address, user: await session.user() });
  } catch (error) {
    onFault(error);
  }
}

function parsePart(schema: z.ZodType | undefined, value: unknown, part: string): unknown {
  if (schema === undefined) return undefined;
  if (value === undefined)
    throw new ApiError('MALFORMED_REQUEST', `Cannot find a ${part}: send a JSON object`);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => problemOfIssue(issue, value));
  throw invalid(
    problems.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`)).join('; '),
  );
}

/** A known path says what may be done there. */
function refuseOtherMethods(server: FastifyInstance): void {
  const byPath = Map.groupBy(ROUTES, ({ path }) => path);
  for (const [url, routes] of byPath) {
    const allowed = routes.map(({ method }) => method);
    const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ');
    const others = [...METHODS, 'OPTIONS' as const, 'TRACE' as const, 'QUERY' as const].filter(
      (method) => !allowed.some((one) => one === method),
    );
    server.route({
      method: others,
      url,
      onRequest: (request: FastifyRequest, reply: FastifyReply, done) => {
        const { code, message } = noSuchCall(request, `this path has ${allowed.join(', ')}`);
        sendError(reply, new ApiError(code, message, { status: 405, headers: { allow } }));
        done();
      },
      handler: () => undefined,
    });
  }
}

/** Begins as Databricks' own text, which clients know. */
function noSuchCall(request: FastifyRequest, remedy: string): ApiError {
  const call = `${request.method} ${pathOf(request)}`;
  return new ApiError('ENDPOINT_NOT_FOUND', `No API found for '${call}': ${remedy}`);
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0] ?? '';
}
