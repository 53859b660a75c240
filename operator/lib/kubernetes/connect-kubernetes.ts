// A kubeconfig, or the service account of the pod that this runs in -> a KubernetesApi. Requests use two agents of our
// own, since those of @kubernetes/client-node open a TLS connection for every request: 200 for 200 requests, against 8.
import { Agent, type Dispatcher } from 'undici';
import { type Actor, actingAs, type Headers, WHO_AM_I } from './acting-as.ts';
import { jsonLines } from './json-lines.ts';
import {
  ApiFailure,
  type ApiRequest,
  type FailureCause,
  type KubernetesApi,
  type TokenApis,
} from './kubernetes-api.ts';
import { type AccessOptions, type ServerAccess, serverAccess, type TlsOptions } from './server-access.ts';

export interface ConnectOptions extends Omit<AccessOptions, 'isAnonymous'> {
  /** With a kubeconfig: the user of all requests; the kubeconfig's own unless given. */
  readonly actAs?: Actor;
  /** Called for every request, answered or not (status 0). */
  readonly onRequest?: (done: RequestDone) => void;
  /** How many may be open at once. */
  readonly connections?: number;
}

export interface RequestDone {
  readonly method: string;
  readonly host: string;
  /** 0 where there was no answer. */
  readonly status: number;
  readonly durationMs: number;
}

/** A server of an API that cannot do that answers with the whole object. */
const ACCEPT_METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json';
const REQUEST_TIMEOUT_MS = 30_000;
const TIMEOUTS = { headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS };
const CONNECTIONS = 8;
/** Tokens and certificates on disk are replaced from time to time. */
const CREDENTIALS_LIVE_MS = 10_000;

interface Credentials {
  readonly headers: Headers;
  readonly agents: Agents;
  readonly readMs: number;
}

interface Agents {
  readonly identity: string;
  readonly requests: Agent;
  /** Each watch has a connection of its own, and no limit on its silence. */
  readonly watches: Agent;
}

/** Throws where the kubeconfig cannot be read, with the path and what to do. */
export async function connectKubernetes(options: ConnectOptions): Promise<KubernetesApi> {
  return new Connection(await serverAccess(options), options);
}

/**
 * For requests with tokens of others: the server's address and authority, and nothing of the own credentials. With a
 * client certificate of ours the server would not even look at the token.
 */
export async function connectWithTokens(options: Omit<ConnectOptions, 'actAs'>): Promise<TokenApis> {
  const access = await serverAccess({ ...options, isAnonymous: true });
  const connection = new Connection(access, options);
  return {
    as: (token) => ({ request: (request) => connection.request({ ...request, token }) }),
    close: () => connection.close(),
  };
}

/** A request with a token of somebody else. */
type TokenRequest = ApiRequest & { readonly token?: string };

class Connection implements KubernetesApi {
  readonly #access: ServerAccess;
  readonly #onRequest: (done: RequestDone) => void;
  readonly #actor: Actor | undefined;
  readonly #connections: number;
  #credentials: Credentials | undefined;
  /** One read at a time, however many callers wait. */
  #reading: Promise<Credentials> | undefined;
  /** Requested once, before the first request. */
  #acting: Promise<Headers> | undefined;

  constructor(access: ServerAccess, { kubeconfig, actAs, onRequest, connections }: ConnectOptions) {
    this.#access = access;
    this.#onRequest = onRequest ?? (() => undefined);
    this.#connections = connections ?? CONNECTIONS;
    // A pod has a ServiceAccount of its own, and may impersonate nobody.
    this.#actor = kubeconfig === undefined ? undefined : actAs;
  }

  async request(request: TokenRequest): Promise<unknown> {
    const response = await this.#send(request, 'requests', request.signal);
    try {
      return await response.body.json();
    } catch (cause) {
      throw unreachable(request, cause);
    }
  }

  async *stream(request: Omit<ApiRequest, 'method' | 'body' | 'contentType'>): AsyncIterable<unknown> {
    const get = { ...request, method: 'GET' } as const;
    const response = await this.#send(get, 'watches', request.signal);
    try {
      yield* jsonLines(response.body);
    } catch (cause) {
      throw unreachable(get, cause);
    } finally {
      response.body.destroy();
    }
  }

  async close(): Promise<void> {
    const agents = this.#credentials?.agents;
    await Promise.all([agents?.requests.destroy(), agents?.watches.destroy()]);
  }

  async #send(
    request: TokenRequest,
    agent: 'requests' | 'watches',
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const startMs = performance.now();
    const done = (status: number): void =>
      this.#onRequest({
        method: request.method,
        host: this.#access.server.host,
        status,
        durationMs: performance.now() - startMs,
      });
    const response = await this.#dispatch(request, agent, signal).catch((cause: unknown) => {
      done(0);
      throw unreachable(request, cause);
    });
    done(response.statusCode);
    if (response.statusCode >= 400) throw await rejection(request, response);
    return response;
  }

  async #dispatch(
    request: TokenRequest,
    agent: 'requests' | 'watches',
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const acting = this.#actor === undefined || request === WHO_AM_I ? {} : await this.#actingAs(this.#actor);
    const { headers, agents } = await this.#current();
    const { method, path, query = {}, body, contentType = 'application/json', token } = request;
    const { origin, pathname } = this.#access.server;
    return agents[agent].request({
      origin,
      path: `${pathname.replace(/\/$/, '')}${path}`,
      query: { ...query },
      method,
      headers: {
        ...headers,
        ...acting,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        accept: request.onlyMetadata === true ? ACCEPT_METADATA : 'application/json',
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #actingAs(actor: Actor): Promise<Headers> {
    this.#acting ??= this.request(WHO_AM_I).then(
      (answer) => actingAs(actor, answer),
      (error: unknown) => {
        this.#acting = undefined;
        throw error;
      },
    );
    return this.#acting;
  }

  #current(): Promise<Credentials> {
    const known = this.#credentials;
    if (known !== undefined && performance.now() - known.readMs < CREDENTIALS_LIVE_MS) {
      return Promise.resolve(known);
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<Credentials> {
    const options = await this.#access.credentials();
    const agents = agentsFor(options, this.#connections, this.#credentials?.agents);
    const basic = options.auth === undefined ? {} : { authorization: `Basic ${btoa(options.auth)}` };
    this.#credentials = { headers: { ...options.headers, ...basic }, agents, readMs: performance.now() };
    return this.#credentials;
  }
}

/** New agents only where certificates or keys have changed; requests of the old ones end by themselves. */
function agentsFor(
  { ca, cert, key, rejectUnauthorized, servername }: TlsOptions,
  connections: number,
  known: Agents | undefined,
): Agents {
  const identity = [ca, cert, key, rejectUnauthorized, servername].map(String).join('\n');
  if (known?.identity === identity) return known;
  const given = { ca, cert, key, rejectUnauthorized, servername };
  const connect = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  void known?.requests.close();
  return {
    identity,
    // Not by AbortSignal.timeout(): its timer lives on long after the answer.
    requests: new Agent({ connect, ...TIMEOUTS, connections, allowH2: false }),
    watches: new Agent({ connect, allowH2: false, bodyTimeout: 0, headersTimeout: REQUEST_TIMEOUT_MS }),
  };
}

function unreachable({ method, path }: ApiRequest, cause: unknown): ApiFailure {
  if (cause instanceof ApiFailure) return cause;
  const { message } = cause as Error;
  return new ApiFailure(`Cannot reach the API server (${method} ${path}): ${message}`, { status: 0, cause });
}

/** The server's own sentence where it sent one. */
async function rejection(
  { method, path }: ApiRequest,
  { statusCode, headers, body }: Dispatcher.ResponseData,
): Promise<ApiFailure> {
  const text = await body.text().catch(() => '');
  const status = parseJson(text) as RejectionStatus | undefined;
  const causes = status?.details?.causes;
  const retryAfter = Number(headers['retry-after']);
  return new ApiFailure(status?.message ?? `The API server answered ${statusCode} to ${method} ${path}`, {
    status: statusCode,
    reason: status?.reason ?? '',
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    causes: Array.isArray(causes) ? causes : [],
  });
}

interface RejectionStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly FailureCause[] | null };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
