// SQL of a person -> rows of the workspaces that they may read. Who may read all asks the log itself, where that is in
// DuckDB; anybody else a copy of their rows, in which there is nothing else, from a process of its own.
import type { ReadStream } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FairTurns } from '../../lib/fair-turns.ts';
import { openFile, parquetAnswer } from '../query/parquet-answer.ts';
import { rewriteQuery } from '../query/rewrite-query.ts';
import { type QueryAnswer, type QueryRejection, runQuery } from '../query/run-query.ts';
import type { QueriedLog } from '../store/queried-log.ts';
import type { Asker } from './admit-person.ts';
import { CollectorError } from './collector-error.ts';
import type { IsolatedQueries } from './isolated-queries.ts';

export interface QueryPlace {
  /** Undefined where rows are only sent on. */
  readonly log: QueriedLog | undefined;
  /** For one who may not read all. Whoever makes them closes them. */
  readonly isolated: IsolatedQueries;
  /** Called where only the end of the process ends a query of one who may read all. */
  readonly onRunaway: () => void;
  /** Of each table, for one who may not read all. */
  readonly mostRows?: number;
  /** Default 30,000. */
  readonly timeLimitMs?: number;
  /** So long at least a query may take, copy included, while others wait; default 10,000. */
  readonly shareMs?: number;
}

/** In a file: rows as Parquet or as JSON, or {"error"} as JSON. */
interface FileAnswer {
  readonly file: ReadStream;
  readonly format: 'json' | 'parquet';
  readonly isError: boolean;
}

export type AnswerQuery = (asker: Asker, body: unknown) => Promise<QueryAnswer | FileAnswer>;

const querySchema = z.object({
  sql: z.string(),
  maxRows: z.int().min(0).max(1_000_000).optional(),
  /** Rows from then on: the others are not looked at. */
  since: z.iso.datetime().optional(),
  format: z.enum(['json', 'parquet']).default('json'),
});

type Query = z.infer<typeof querySchema>;

const MOST_ROWS = 500_000;
/** As JSON. */
const MOST_JSON_ROWS = 100_000;
const COPY_MB = 64;
const TIME_LIMIT_MS = 30_000;

/** Answers that are being sent take memory or disk. */
const TURNS = { atOnce: 1, mostOpen: 8 };
const SHARE_MS = 10_000;

export function answerQueries(place: QueryPlace): AnswerQuery {
  const { log, shareMs = SHARE_MS } = place;
  // A copy is memory, and so is a process. DuckDB lends two connections for reading: so neither waits for the other.
  const copies = new FairTurns({ ...TURNS, shareMs });
  const wholes = new FairTurns({ ...TURNS, shareMs });
  return async (asker, body) => {
    if (log === undefined)
      throw new CollectorError(404, 'Cannot answer: this collector stores no rows; ask where they are');
    const query = parseQuery(body);
    const { whole } = log;
    return asker.workspaces === 'all' && query.since === undefined && whole !== undefined
      ? inTurn(wholes, asker, (now) => askWhole(whole, query, { ...place, ...now }))
      : inTurn(copies, asker, (now) => askCopy(log, query, { ...place, ...now }));
  };
}

const OVERDUE =
  'Cannot finish the query: it was ended for others who wait; narrow it, for example by event_time or "since", or ask again when fewer ask';

/**
 * The next query of the same caller begins when this one has been sent. Whoever has waited long may have lost a right
 * meanwhile, so `ask` gets those of now.
 */
async function inTurn<Answer extends object>(
  turns: FairTurns,
  { key, signal, workspacesNow }: Asker,
  ask: (now: Pick<Asker, 'workspaces' | 'signal'>) => Promise<Answer>,
): Promise<Answer | QueryRejection> {
  const turn = await turns.take(key, signal).catch(() => undefined);
  signal.addEventListener('abort', () => turn?.end());
  if (signal.aborted) turn?.end();
  if (turn === undefined || signal.aborted) return { error: 'Cannot finish the query: the caller has gone' };
  try {
    const { overdue } = turn;
    const workspaces = await workspacesNow();
    const answer = await ask({ workspaces, signal: AbortSignal.any([signal, overdue]) });
    return overdue.aborted && 'error' in answer ? { error: OVERDUE } : answer;
  } finally {
    turn.leave();
  }
}

function parseQuery(body: unknown): Query {
  const { data } = querySchema.safeParse(body);
  if (data !== undefined && (data.format === 'parquet' || (data.maxRows ?? 0) <= MOST_JSON_ROWS)) return data;
  throw new CollectorError(
    400,
    `Cannot read the request: send {"sql": "…"} as JSON, with "maxRows" (a number up to ${MOST_JSON_ROWS}), "since" (a time such as "2026-01-31T00:00:00Z") and "format" ("json" or "parquet") where you want them`,
  );
}

interface Asking
  extends Pick<QueryPlace, 'isolated' | 'onRunaway' | 'timeLimitMs' | 'mostRows'>,
    Pick<Asker, 'workspaces' | 'signal'> {}

async function askWhole(
  { log, folder }: NonNullable<QueriedLog['whole']>,
  { sql, maxRows, format }: Query,
  { onRunaway, timeLimitMs = TIME_LIMIT_MS, signal, workspaces }: Asking,
): Promise<QueryAnswer | FileAnswer> {
  if (workspaces !== 'all')
    throw new CollectorError(403, 'Cannot answer: you may not read all rows any more; ask again for yours');
  const options = { ...(maxRows === undefined ? {} : { maxRows }), timeLimitMs, signal, onRunaway };
  if (format === 'json') return await runQuery(log, sql, options);
  const answer = await parquetAnswer(log, sql, { ...options, parent: folder });
  return 'error' in answer ? answer : { file: answer, format, isError: false };
}

async function askCopy(
  log: QueriedLog,
  { sql, maxRows, since, format }: Query,
  { isolated, mostRows = MOST_ROWS, timeLimitMs = TIME_LIMIT_MS, workspaces, signal }: Asking,
): Promise<QueryAnswer | FileAnswer> {
  // It starts while the copy is made.
  isolated.prepare();
  const copy = await log.copyVisible({
    ...{ workspaces, since, mostRows, memoryMb: COPY_MB },
    sql: rewriteQuery(sql),
  });
  try {
    if (copy.isPartial)
      return {
        error: `Cannot answer: of what you may read there are more than ${mostRows} rows; send "since" with the time from which on you need them`,
      };
    const answer = join(copy.folder, 'answer');
    const asked = { database: copy.database, sql, maxRows, timeLimitMs, format, answer };
    const outcome = await isolated.ask(asked, signal);
    if (typeof outcome !== 'string') return outcome;
    const isError = outcome === 'rejected';
    return { file: await openFile(answer), format: isError ? 'json' : format, isError };
  } finally {
    await copy.remove();
  }
}
