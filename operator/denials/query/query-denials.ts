// SQL in, rows or a sentence out, whether or not a process has the denial log open: the process answers on its socket,
// and without one the file itself is opened, read-only. Must never create a log.
import { access } from 'node:fs/promises';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

import { DenialStore } from '../store/duckdb/denial-store.ts';
import { authorizationFrom } from './query-secret.ts';
import { socketPathError } from './query-socket.ts';
import { type QueryAnswer, runQuery } from './run-query.ts';

export interface DenialQuery {
  readonly querySocket: string;
  readonly querySecret: string;
  readonly database: string;
  readonly sql: string;
  /** Default 10,000. */
  readonly maxRows?: number;
}

/** Never throws: a failure is an answer for the person at the terminal. */
export async function queryDenials(query: DenialQuery): Promise<QueryAnswer> {
  try {
    const pathError = socketPathError(query.querySocket);
    if (pathError !== null) return { error: pathError };
    return (await askProcess(query)) ?? (await askFile(query));
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Null where no process serves the socket. */
async function askProcess(query: DenialQuery): Promise<QueryAnswer | null> {
  const { querySocket } = query;
  try {
    return JSON.parse(await post(query)) as QueryAnswer;
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

async function post({ querySocket, querySecret, sql, maxRows }: DenialQuery): Promise<string> {
  const authorization = await authorizationFrom(querySecret);
  const body = JSON.stringify({ sql, maxRows });
  return new Promise((resolve, reject) => {
    const known = authorization === undefined ? {} : { authorization };
    const headers = { 'content-type': 'application/json', ...known };
    const call = request({ socketPath: querySocket, path: '/query', method: 'POST', headers }, (response) => {
      text(response).then(resolve, reject);
    });
    call.once('error', reject);
    call.end(body);
  });
}

async function askFile({ database, sql, maxRows }: DenialQuery): Promise<QueryAnswer> {
  const exists = await access(database).then(() => true, isOther);
  if (!exists) return { error: `No denial log in "${database}": start "sallyport run …" first` };
  const store = await DenialStore.open(database, { readOnly: true });
  try {
    return await runQuery(store, sql, maxRows === undefined ? {} : { maxRows });
  } finally {
    await store.close();
  }
}

/** Where access fails for another reason than absence, DuckDB reports the error. */
function isOther(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code !== 'ENOENT';
}
