// SQL in, rows or a sentence out, whether or not a process has the denial log open: the process answers on its socket,
// and without one the file itself is opened, read-only. Must never create a log.
import { access } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { DenialStore } from '../store/duckdb/denial-store.ts';
import { parquetAnswer } from './parquet-answer.ts';
import { authorizationFrom } from './query-secret.ts';
import { PARQUET_TYPE, socketPathError } from './query-socket.ts';
import { type QueryAnswer, type QueryRejection, runQuery } from './run-query.ts';

export interface DenialQuery {
  readonly querySocket: string;
  readonly querySecret: string;
  readonly database: string;
  readonly sql: string;
  /** Default 10,000. */
  readonly maxRows?: number;
}

/** Never throws: a failure is an answer for the person at the terminal. */
export function queryDenials(query: DenialQuery): Promise<QueryAnswer> {
  return ask(query, {
    ofProcess: async (response) => JSON.parse(await text(response)) as QueryAnswer,
    ofFile: (store, { sql, maxRows }) => runQuery(store, sql, maxRows === undefined ? {} : { maxRows }),
  });
}

/** The rows as a Parquet file; its stream fails where it is cut off. */
export function queryParquet(query: DenialQuery): Promise<Readable | QueryRejection> {
  return ask<Readable | QueryRejection>(
    { ...query, format: 'parquet' },
    {
      ofProcess: async (response) => {
        if (response.headers['content-type'] === PARQUET_TYPE) return response;
        const answer = JSON.parse(await text(response)) as object;
        return 'error' in answer ? { error: String(answer.error) } : { error: OTHER_VERSION };
      },
      ofFile: (store, { sql }) => parquetAnswer(store, sql, { parent: tmpdir() }),
    },
  );
}

const OTHER_VERSION =
  'Cannot have the rows as Parquet: the running sallyport is of a version that makes none; use -o json';

interface Question extends DenialQuery {
  readonly format?: 'parquet';
}

interface Answers<Answer> {
  readonly ofProcess: (response: IncomingMessage) => Promise<Answer>;
  readonly ofFile: (store: DenialStore, query: DenialQuery) => Promise<Answer>;
}

async function ask<Answer>(query: Question, answers: Answers<Answer>): Promise<Answer | QueryRejection> {
  try {
    const pathError = socketPathError(query.querySocket);
    if (pathError !== null) return { error: pathError };
    return (await askProcess(query, answers)) ?? (await askFile(query, answers));
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Null where no process serves the socket. */
async function askProcess<Answer>(
  query: Question,
  { ofProcess }: Answers<Answer>,
): Promise<Answer | QueryRejection | null> {
  const { querySocket } = query;
  try {
    return await ofProcess(await post(query));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes(code)) return null;
    if (code === 'EACCES') {
      return {
        error: `Cannot ask "${querySocket}": permission denied; run the command as the user who runs sallyport`,
      };
    }
    return {
      error: `Cannot ask "${querySocket}": the answer is incomplete (${code || String(cause)}); try again`,
    };
  }
}

async function post({ querySocket, querySecret, sql, maxRows, format }: Question): Promise<IncomingMessage> {
  const authorization = await authorizationFrom(querySecret);
  const body = JSON.stringify({ sql, maxRows, format });
  return new Promise((resolve, reject) => {
    const known = authorization === undefined ? {} : { authorization };
    const headers = { 'content-type': 'application/json', ...known };
    const call = request({ socketPath: querySocket, path: '/query', method: 'POST', headers }, resolve);
    call.once('error', reject);
    call.end(body);
  });
}

async function askFile<Answer>(
  query: Question,
  { ofFile }: Answers<Answer>,
): Promise<Answer | QueryRejection> {
  const { database } = query;
  const exists = await access(database).then(() => true, isOther);
  if (!exists) return { error: `No denial log in "${database}": start "sallyport run …" first` };
  const store = await DenialStore.open(database, { readOnly: true });
  try {
    return await ofFile(store, query);
  } finally {
    await store.close();
  }
}

/** Where access fails for another reason than absence, DuckDB reports the error. */
function isOther(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code !== 'ENOENT';
}
