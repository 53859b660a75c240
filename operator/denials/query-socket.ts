// Serves the denial log on a unix socket: POST /query {sql, maxRows?} -> {columns, rows, truncated} or {error}.
// DuckDB lets one process open a file, so other processes ask this one. Only the owner of the process may ask: the
// socket has mode 0600, and a caller presents what is in a file of that mode. It must never answer on a network address.

import { once } from 'node:events';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';

import type { DenialStore } from './denial-store.ts';
import { type CallerCheck, newQuerySecret } from './query-secret.ts';
import { type QueryAnswer, runQuery } from './run-query.ts';

export interface QueryServerOptions {
  readonly socketPath: string;
  /** Where callers find what they present. */
  readonly secretPath: string;
  /** A caller did not know it, and was told what to do. */
  readonly onStranger?: () => void;
}

export interface QueryServer {
  /** Ends open connections and their queries, and removes the socket. */
  readonly close: () => Promise<void>;
}

/** sockaddr_un.sun_path on Linux: 108 bytes with the final zero. Beyond it the kernel would see another path. */
const maxPathBytes = 107;
const maxBodyBytes = 1_048_576;

/** Null, or a sentence that says why no socket can be at `path`. */
export function socketPathError(path: string): string | null {
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxPathBytes) return null;
  return `Cannot use query socket "${path}": the path has ${bytes} bytes of at most ${maxPathBytes}; choose a shorter folder`;
}

/** Throws an Error where the path is too long, taken by a file, or served by another process. */
export async function serveQueries(store: DenialStore, options: QueryServerOptions): Promise<QueryServer> {
  const { socketPath, secretPath, onStranger } = options;
  const error = socketPathError(socketPath);
  if (error !== null) throw new Error(error);
  await removeStaleSocket(socketPath);
  const door = { store, checkCaller: await newQuerySecret(secretPath), onStranger };
  const server = createServer((request, response) => {
    respond(door, request, response).catch((cause: unknown) => response.destroy(asError(cause)));
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

/** A process that was killed leaves its socket behind; nobody answers there. */
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

interface Door {
  readonly store: DenialStore;
  readonly checkCaller: CallerCheck;
  readonly onStranger: QueryServerOptions['onStranger'];
}

async function respond(
  { store, checkCaller, onStranger }: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = checkCaller(request.headers.authorization);
  if (refusal !== null) {
    onStranger?.();
    return send(response, 401, { error: refusal });
  }
  if (request.method !== 'POST' || request.url !== '/query') {
    return send(response, 404, { error: 'Cannot answer this request: send POST /query with {"sql": "…"}' });
  }
  const query = parseRequest(await readBody(request));
  if ('error' in query) return send(response, 400, query);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const answer = await runQuery(store, query.sql, { ...query.limits, signal: gone.signal });
    send(response, 'error' in answer ? 400 : 200, answer);
  } catch (cause) {
    send(response, 500, { error: asError(cause).message });
  }
}

/** Null where the body is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
  }
  return bytes > maxBodyBytes ? null : Buffer.concat(chunks).toString('utf8');
}

type QueryRequest = { readonly sql: string; readonly limits: { readonly maxRows?: number } };

function parseRequest(body: string | null): QueryRequest | { readonly error: string } {
  if (body === null) return { error: `Cannot run the query: it is longer than ${maxBodyBytes} bytes` };
  try {
    const { sql, maxRows } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const limits = Number.isSafeInteger(maxRows) && Number(maxRows) >= 0 ? { maxRows: Number(maxRows) } : {};
    if (typeof sql === 'string') return { sql, limits };
  } catch {
    // Not JSON: the same answer as for JSON of another shape.
  }
  return { error: 'Cannot read the request: send {"sql": "…"} as JSON' };
}

function send(response: ServerResponse, status: number, answer: QueryAnswer): void {
  const body = JSON.stringify(answer);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(body);
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
