// SQL of a person -> the collector's answer, over TLS on a stream that somebody else opens: a port of its pod through the
// API server. The collector is known by its own authority, the person by a token or a client certificate.
import type { Duplex, Readable } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Client, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { QueryAnswer } from '../query/run-query.ts';
import { BACKUP_PATH, BACKUP_TYPE, ERROR_SCHEMA, PARQUET_TYPE, QUERY_PATH } from '../wire/collector-wire.ts';

/** Never throws: a failure is an answer for the person at the terminal. */
export type AskDenials = (sql: string, maxRows?: number) => Promise<QueryAnswer>;

/** A Parquet file with the rows; its stream fails where it is cut off. */
export type AskParquet = (sql: string) => Promise<Fetched>;

type Fetched = Readable | { readonly error: string };

export interface PersonCredentials {
  readonly token?: string | undefined;
  /** Of a client certificate; PEM. */
  readonly cert?: Buffer | string | undefined;
  readonly key?: Buffer | string | undefined;
}

export interface AskCollectorOptions {
  /** That the certificate must be for. */
  readonly serverName: string;
  /** PEM. */
  readonly authority: string;
  /** For each new connection. Throws a sentence for the person where there is none. */
  readonly open: () => Promise<Duplex>;
  /** Asked for with each request, since tokens are replaced. */
  readonly credentials: () => Promise<PersonCredentials>;
}

export interface CollectorClient {
  readonly ask: AskDenials;
  readonly askParquet: AskParquet;
  /** The whole log as a database file; its stream fails where it is cut off. */
  readonly backUp: () => Promise<Fetched>;
  /** A query under way fails. */
  readonly close: () => Promise<void>;
}

const TIMEOUT_MS = 60_000;
/** Others have their turns before. */
const ANSWER_MS = 300_000;
const HANDSHAKE_MS = 20_000;
const FILE_MS = 3_600_000;
const MOST_ANSWER_BYTES = 256 * 1024 * 1024;

const answerSchema = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.record(z.string(), z.json())),
  truncated: z.boolean(),
});

export function askCollector(options: AskCollectorOptions): CollectorClient {
  const client = clientOf(options, {
    ...{ headersTimeout: ANSWER_MS, bodyTimeout: TIMEOUT_MS, maxResponseSize: MOST_ANSWER_BYTES },
  });
  // A file of any size, which is made before its first byte comes.
  const files = clientOf(options, { headersTimeout: FILE_MS, bodyTimeout: TIMEOUT_MS });
  const headers = async () => {
    const { token } = await options.credentials();
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  };
  const post = async (from: Client, query: object) =>
    from.request({
      ...{ method: 'POST', path: QUERY_PATH, body: JSON.stringify(query) },
      headers: { 'content-type': 'application/json', ...(await headers()) },
    });
  const ask: AskDenials = async (sql, maxRows) => {
    try {
      const { statusCode, body } = await post(client, { sql, maxRows });
      return answerOf(statusCode, parseJson(await body.text()));
    } catch (cause) {
      return { error: sentenceOf(cause, options.serverName) };
    }
  };
  const fetchFile = async (type: string, asked: Promise<Dispatcher.ResponseData>): Promise<Fetched> => {
    try {
      return await fileOf(type, await asked);
    } catch (cause) {
      return { error: sentenceOf(cause, options.serverName) };
    }
  };
  return {
    ask,
    askParquet: (sql) => fetchFile(PARQUET_TYPE, post(files, { sql, format: 'parquet' })),
    backUp: () =>
      fetchFile(
        BACKUP_TYPE,
        headers().then((known) => files.request({ method: 'GET', path: BACKUP_PATH, headers: known })),
      ),
    close: async () => void (await Promise.all([client.destroy(), files.destroy()])),
  };
}

function clientOf(options: AskCollectorOptions, limits: Client.Options): Client {
  return new Client(`https://${options.serverName}`, {
    ...limits,
    ...{ allowH2: false, pipelining: 1 },
    connect: (_connection, done) => {
      secure(options).then(
        (socket) => done(null, socket),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
  });
}

async function fileOf(
  type: string,
  { statusCode, headers, body }: Dispatcher.ResponseData,
): Promise<Fetched> {
  if (statusCode === 200 && headers['content-type'] === type) return body;
  const answer = answerOf(statusCode, parseJson(await body.text()));
  return 'error' in answer ? answer : { error: OTHER_VERSION };
}

async function secure({ open, serverName, authority, credentials }: AskCollectorOptions): Promise<TLSSocket> {
  const { cert, key } = await credentials();
  const stream = await open();
  const identity = cert === undefined || key === undefined ? {} : { cert, key };
  const socket = connectTls({ socket: stream, ca: authority, servername: serverName, ...identity });
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      clearTimeout(timer);
      stream.destroy();
      socket.destroy();
      reject(new Error(`Cannot connect to the collector: ${cause.message}`, { cause }));
    };
    const timer = setTimeout(() => fail(new Error('it does not answer; try again')), HANDSHAKE_MS);
    const ended = (): void => fail(stream.errored ?? new Error('its pod closed the connection; try again'));
    stream.once('error', fail);
    socket.once('error', fail).once('close', ended);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('close', ended).off('error', fail);
      stream.off('error', fail).on('error', (error) => socket.destroy(error));
      resolve(socket);
    });
  });
}

const OTHER_VERSION = 'Cannot have this as a file: the collector is of a version that makes none';

function answerOf(status: number, value: unknown): QueryAnswer {
  const answer = answerSchema.safeParse(value);
  if (status === 200 && answer.success) return answer.data;
  const refusal = ERROR_SCHEMA.safeParse(value);
  if (refusal.success) return refusal.data;
  return { error: `Cannot read the answer of the collector (status ${status}): is it of another version?` };
}

function sentenceOf(cause: unknown, serverName: string): string {
  const what = describeEnd(cause);
  return what.startsWith('Cannot ') ? what : `Cannot ask the collector ${serverName}: ${what}; try again`;
}

/** What the client calls "other side closed" and the like, in words that say what happened at the collector. */
const ENDS: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'its pod closed the connection before it had answered, as it does when it restarts',
  ECONNRESET: 'its pod closed the connection before it had answered, as it does when it restarts',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: `it sent no more of its answer for ${TIMEOUT_MS / 1000} s`,
};

/** Of a question or a file. */
export function describeEnd(cause: unknown): string {
  const { message, code = '' } = cause as NodeJS.ErrnoException;
  return ENDS[code] ?? message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
