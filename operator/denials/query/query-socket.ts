// Serves the denial log on a unix socket: POST /query {sql, maxRows?, format?} -> {columns, rows, truncated}, a Parquet file, or {error}. DuckDB
// lets one process open a file, so other processes ask this one. Only the owner of the process may ask: the socket has
// mode 0600, and a caller presents the secret in a file of that mode. Must never listen on a network address.
import { once } from 'node:events';
import { chmod, lstat, rm, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';

import type { DenialStore } from '../store/duckdb/denial-store.ts';
import { parquetAnswer } from './parquet-answer.ts';
import { type CallerCheck, newQuerySecret } from './query-secret.ts';
import { type QueryAnswer, type QueryRejection, runQuery } from './run-query.ts';

export interface QueryServerOptions {
  readonly socketPath: string;
  /** File with the secret that callers present. */
  readonly secretPath: string;
  /** With why it could not be written. */
  readonly onUnwritten?: (sentence: string) => void;
  /** Called when a caller did not present it. */
  readonly onStranger?: () => void;
  /** Default 30,000. */
  readonly timeLimitMs?: number | undefined;
  /** Called when only the end of the process can end a query; its caller has got an answer. */
  readonly onRunaway?: () => void;
}

export interface QueryServer {
  /** Ends open connections and their queries, and removes the socket. */
  readonly close: () => Promise<void>;
}

/** sockaddr_un.sun_path on Linux: 108 bytes with the final zero. Beyond it the kernel would see another path. */
const MAX_PATH_BYTES = 107;
const MAX_BODY_BYTES = 1_048_576;

/** Of an answer with {"format": "parquet"}. */
export const PARQUET_TYPE = 'application/vnd.apache.parquet';

/** Null, or a sentence that says why no socket can be at `path`. */
export function socketPathError(path: string): string | null {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return null;
  return `Cannot use query socket "${path}": the path has ${bytes} bytes of at most ${MAX_PATH_BYTES}; choose a shorter folder`;
}

/** Throws an Error where the path is too long, taken by a file, or served by another process. */
export async function serveQueries(store: DenialStore, options: QueryServerOptions): Promise<QueryServer> {
  const { socketPath, secretPath } = options;
  const error = socketPathError(socketPath);
  if (error !== null) throw new Error(error);
  await removeStaleSocket(socketPath);
  // What a process that was killed has left.
  await rm(queriesBeside(socketPath), { recursive: true, force: true });
  const checkCaller = await newQuerySecret(secretPath, options.onUnwritten);
  const clientPorts = { ...options, store, checkCaller };
  const server = createServer((request, response) => {
    respond(clientPorts, request, response).catch((cause: unknown) => response.destroy(asError(cause)));
  });
  await listen(server, socketPath);
  return { close: () => closeServer(server) };
}

/** The mask covers the moment between the birth of the socket file and its chmod; bind happens within listen(). */
async function listen(server: Server, socketPath: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(mask);
  }
  await once(server, 'listening');
  await chmod(socketPath, 0o600);
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** A process that was killed leaves its socket behind, where nobody listens. */
async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null);
  if (!stats) return;
  if (!stats.isSocket())
    throw new Error(`Cannot serve queries at "${path}": another file is there; move it away`);
  if (await somebodyAnswers(path)) {
    throw new Error(
      `Cannot serve queries at "${path}": another process does already; end it or choose another folder`,
    );
  }
  await unlink(path);
}

async function somebodyAnswers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

interface ClientPorts extends QueryServerOptions {
  readonly store: DenialStore;
  readonly checkCaller: CallerCheck;
}

async function respond(
  clientPorts: ClientPorts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const rejection = clientPorts.checkCaller(request.headers.authorization);
  if (rejection !== null) {
    clientPorts.onStranger?.();
    return send(response, 401, { error: rejection });
  }
  if (request.method !== 'POST' || request.url !== '/query') {
    return send(response, 404, { error: 'Cannot answer this request: send POST /query with {"sql": "…"}' });
  }
  const query = parseRequest(await readBody(request));
  if ('error' in query) return send(response, 400, query);
  await answer(clientPorts, query, response);
}

async function answer(
  clientPorts: ClientPorts,
  { sql, limits, isParquet }: QueryRequest,
  response: ServerResponse,
): Promise<void> {
  const { store, timeLimitMs, socketPath } = clientPorts;
  const parent = queriesBeside(socketPath);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const onRunaway = (): void => void reportRunaway(clientPorts, response);
  const time = timeLimitMs === undefined ? {} : { timeLimitMs };
  const options = { ...limits, ...time, signal: gone.signal, onRunaway };
  try {
    if (isParquet)
      return await sendParquet(await parquetAnswer(store, sql, { ...options, parent }), response);
    const found = await runQuery(store, sql, options);
    send(response, 'error' in found ? 400 : 200, found);
  } catch (cause) {
    send(response, 500, { error: asError(cause).message });
  }
}

/** Where the log has files of answers. */
function queriesBeside(socketPath: string): string {
  return join(dirname(socketPath), 'queries');
}

async function sendParquet(found: Readable | QueryRejection, response: ServerResponse): Promise<void> {
  if ('error' in found) return send(response, 400, found);
  response.writeHead(200, { 'content-type': PARQUET_TYPE, connection: 'close' });
  await pipeline(found, response).catch(() => undefined);
}

async function reportRunaway({ onRunaway }: ClientPorts, response: ServerResponse): Promise<void> {
  if (!response.destroyed) {
    send(response, 400, {
      error:
        'Cannot end the query, which is past its time limit: the denial log starts again; ask for less at once',
    });
    await finished(response).catch(() => undefined);
  }
  onRunaway?.();
}

/** Null where the body is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString('utf8');
}

interface QueryRequest {
  readonly sql: string;
  readonly limits: { readonly maxRows?: number };
  readonly isParquet: boolean;
}

function parseRequest(body: string | null): QueryRequest | { readonly error: string } {
  if (body === null) return { error: `Cannot run the query: it is longer than ${MAX_BODY_BYTES} bytes` };
  try {
    const { sql, maxRows, format } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const limits = Number.isSafeInteger(maxRows) && Number(maxRows) >= 0 ? { maxRows: Number(maxRows) } : {};
    if (typeof sql === 'string') return { sql, limits, isParquet: format === 'parquet' };
  } catch {
    // Not JSON: the same answer as for JSON of another shape.
  }
  return { error: 'Cannot read the request: send {"sql": "…"} as JSON' };
}

function send(response: ServerResponse, status: number, answer: QueryAnswer): void {
  if (response.headersSent) return;
  const body = JSON.stringify(answer);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(body);
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
