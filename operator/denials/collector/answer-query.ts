// SQL of a person -> rows of the workspaces that they may read. Who may read all asks the log itself; anybody else a copy
// of their rows, in which there is nothing else.
import pLimit from 'p-limit';
import { z } from 'zod';
import { type QueryAnswer, runQuery } from '../query/run-query.ts';
import type { DenialStore } from '../store/duckdb/denial-store.ts';
import { copyVisible } from '../store/duckdb/visible-copy.ts';
import type { PersonCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';
import type { ReadableWorkspaces } from './readable-workspaces.ts';

export interface QueryPlace {
  readonly store: DenialStore;
  readonly readable: ReadableWorkspaces;
  /** Called where only the end of the process ends a query. */
  readonly onRunaway: () => void;
  /** Of each table, for one who may not read all. */
  readonly mostRows?: number;
}

export type AnswerQuery = (person: PersonCaller, body: unknown, signal: AbortSignal) => Promise<QueryAnswer>;

const querySchema = z.object({
  sql: z.string().max(1_000_000),
  maxRows: z.int().min(0).max(100_000).optional(),
});

const MOST_ROWS = 500_000;
const COPY_MB = 256;

export function answerQueries({ store, readable, onRunaway, mostRows = MOST_ROWS }: QueryPlace): AnswerQuery {
  // A copy is memory.
  const oneCopy = pLimit(1);
  return async (person, body, signal) => {
    const parsed = querySchema.safeParse(body);
    if (!parsed.success) throw new CollectorError(400, 'Cannot read the request: send {"sql": "…"} as JSON');
    const { sql, maxRows } = parsed.data;
    const options = { ...(maxRows === undefined ? {} : { maxRows }), signal, onRunaway };
    const workspaces = await readable(person, () => workspacesOf(store)).catch((cause: unknown) => {
      throw new CollectorError(
        503,
        'Cannot find out what you may read: the API server does not answer',
        cause,
      );
    });
    if (workspaces === 'all') return runQuery(store, sql, options);
    return oneCopy(async () => {
      const copy = await copyVisible((work) => store.withReader(work), {
        workspaces,
        mostRows,
        memoryMb: COPY_MB,
      });
      try {
        if (copy.isPartial)
          return {
            error: `Cannot answer for you: your workspaces have more than ${mostRows} rows; ask somebody who may read the denials of the whole cluster`,
          };
        return await runQuery(copy, sql, options);
      } finally {
        await copy.close();
      }
    });
  };
}

/** Of which there are rows. */
function workspacesOf(store: DenialStore): Promise<readonly string[]> {
  return store.withReader(async (connection) => {
    const tables = ['outbound_network', 'inbound_network'].map(
      (name) => `SELECT workspace FROM access.${name}`,
    );
    const result = await connection.run(
      `SELECT DISTINCT workspace FROM (${tables.join(' UNION ALL ')}) WHERE workspace IS NOT NULL`,
    );
    return (await result.getRows()).map(([workspace]) => String(workspace));
  });
}
