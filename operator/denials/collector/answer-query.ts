// SQL of a person -> rows of the workspaces that they may read. Who may read all asks the log itself, where that is in
// DuckDB; anybody else a copy of their rows, in which there is nothing else, from a process of its own.
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { z } from 'zod';
import { openFile, parquetAnswer } from '../query/parquet-answer.ts';
import { rewriteQuery } from '../query/rewrite-query.ts';
import { type QueryAnswer, runQuery } from '../query/run-query.ts';
import type { QueriedLog } from '../store/queried-log.ts';
import type { PersonCaller } from './caller.ts';
import { CollectorError } from './collector-error.ts';
import { askIsolated, type EncodedAnswer } from './isolated-query.ts';
import type { ReadableWorkspaces } from './readable-workspaces.ts';

export interface QueryPlace {
  /** Undefined where rows are only sent on. */
  readonly log: QueriedLog | undefined;
  readonly readable: ReadableWorkspaces;
  /** Called where only the end of the process ends a query of one who may read all. */
  readonly onRunaway: () => void;
  /** Of each table, for one who may not read all. */
  readonly mostRows?: number;
  /** Default 30,000. */
  readonly timeLimitMs?: number;
}

/** Rows as JSON, or as Parquet. */
type CollectorAnswer = QueryAnswer | EncodedAnswer | Readable;

export type AnswerQuery = (
  person: PersonCaller,
  body: unknown,
  signal: AbortSignal,
) => Promise<CollectorAnswer>;

const querySchema = z.object({
  sql: z.string().max(1_000_000),
  maxRows: z.int().min(0).max(1_000_000).optional(),
  /** Rows from then on: the others are not looked at. */
  since: z.iso.datetime().optional(),
  format: z.enum(['json', 'parquet']).default('json'),
});

type Query = z.infer<typeof querySchema>;

const MOST_ROWS = 500_000;
/** As JSON. */
const MOST_JSON_ROWS = 100_000;
const COPY_MB = 256;
const TIME_LIMIT_MS = 30_000;

export function answerQueries(place: QueryPlace): AnswerQuery {
  const { log, readable } = place;
  // A copy is memory, and so is a process.
  const oneCopy = pLimit(1);
  return async (person, body, signal) => {
    if (log === undefined)
      throw new CollectorError(
        404,
        'Cannot answer: this collector stores no rows, it sends them on as OTLP logs (--store otlp); ask there',
      );
    const query = parseQuery(body);
    const workspaces = await readable(person, log.workspaces).catch((cause: unknown) => {
      throw new CollectorError(
        503,
        'Cannot find out what you may read: the API server does not answer',
        cause,
      );
    });
    if (workspaces === 'all' && query.since === undefined && log.whole !== undefined)
      return askWhole(log.whole, query, { ...place, signal });
    return oneCopy(() => askCopy(log, query, { ...place, workspaces, signal }));
  };
}

function parseQuery(body: unknown): Query {
  const { data } = querySchema.safeParse(body);
  if (data !== undefined && (data.format === 'parquet' || (data.maxRows ?? 0) <= MOST_JSON_ROWS)) return data;
  throw new CollectorError(
    400,
    `Cannot read the request: send {"sql": "…"} as JSON, with "maxRows" (a number up to ${MOST_JSON_ROWS}), "since" (a time such as "2026-01-31T00:00:00Z") and "format" ("json" or "parquet") where you want them`,
  );
}

interface Asking extends Pick<QueryPlace, 'onRunaway' | 'timeLimitMs' | 'mostRows'> {
  readonly signal: AbortSignal;
}

function askWhole(
  { log, folder }: NonNullable<QueriedLog['whole']>,
  { sql, maxRows, format }: Query,
  { onRunaway, timeLimitMs = TIME_LIMIT_MS, signal }: Asking,
): Promise<CollectorAnswer> {
  const options = { ...(maxRows === undefined ? {} : { maxRows }), timeLimitMs, signal, onRunaway };
  return format === 'json'
    ? runQuery(log, sql, options)
    : parquetAnswer(log, sql, { ...options, parent: folder });
}

async function askCopy(
  log: QueriedLog,
  { sql, maxRows, since, format }: Query,
  {
    mostRows = MOST_ROWS,
    timeLimitMs = TIME_LIMIT_MS,
    workspaces,
    signal,
  }: Asking & { readonly workspaces: 'all' | readonly string[] },
): Promise<CollectorAnswer> {
  if (signal.aborted) return { error: 'Cannot finish the query: the caller has gone' };
  const copy = await log.copyVisible({
    ...{ workspaces, since, mostRows, memoryMb: COPY_MB },
    sql: rewriteQuery(sql),
  });
  try {
    if (copy.isPartial)
      return {
        error: `Cannot answer: of what you may read there are more than ${mostRows} rows; send "since" with the time from which on you need them`,
      };
    const path = join(copy.folder, 'answer.parquet');
    const parquet = format === 'parquet' ? path : undefined;
    const answer = await askIsolated({ database: copy.database, sql, maxRows, timeLimitMs, parquet }, signal);
    return parquet === undefined || answer.isError ? answer : await openFile(path);
  } finally {
    await copy.remove();
  }
}
