// SQL of a person -> rows of the workspaces that they may read. Who may read all asks the log itself, where that is in
// DuckDB; anybody else a copy of their rows, in which there is nothing else.
import pLimit from 'p-limit';
import { z } from 'zod';
import { type QueryAnswer, runQuery } from '../query/run-query.ts';
import type { QueriedLog } from '../store/queried-log.ts';
import type { PersonCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';
import type { ReadableWorkspaces } from './readable-workspaces.ts';

export interface QueryPlace {
  /** Undefined where rows are only sent on. */
  readonly log: QueriedLog | undefined;
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
  /** Rows from then on: the others are not looked at. */
  since: z.iso.datetime().optional(),
});

const MOST_ROWS = 500_000;
const COPY_MB = 256;

export function answerQueries({ log, readable, onRunaway, mostRows = MOST_ROWS }: QueryPlace): AnswerQuery {
  // A copy is memory.
  const oneCopy = pLimit(1);
  return async (person, body, signal) => {
    if (log === undefined)
      throw new CollectorError(
        404,
        'Cannot answer: this collector stores no rows, it sends them on as OTLP logs (--store otlp); ask there',
      );
    const parsed = querySchema.safeParse(body);
    if (!parsed.success)
      throw new CollectorError(
        400,
        'Cannot read the request: send {"sql": "…"} as JSON, with "maxRows" (a number) and "since" (a time such as "2026-01-31T00:00:00Z") where you want them',
      );
    const { sql, maxRows, since } = parsed.data;
    const options = { ...(maxRows === undefined ? {} : { maxRows }), signal, onRunaway };
    const workspaces = await readable(person, log.workspaces).catch((cause: unknown) => {
      throw new CollectorError(
        503,
        'Cannot find out what you may read: the API server does not answer',
        cause,
      );
    });
    if (workspaces === 'all' && since === undefined && log.whole !== undefined)
      return runQuery(log.whole, sql, options);
    return oneCopy(async () => {
      const copy = await log.copyVisible({
        ...{ workspaces, since },
        mostRows,
        memoryMb: COPY_MB,
      });
      try {
        if (copy.isPartial)
          return {
            error: `Cannot answer: of what you may read there are more than ${mostRows} rows; send "since" with the time from which on you need them`,
          };
        return await runQuery(copy, sql, options);
      } finally {
        await copy.close();
      }
    });
  };
}
