// A query over a copy of a caller's rows -> its answer, from a process that lives for this query only. SQL can take all
// memory, and does not always end when it is told to; here it takes nothing else along. The kernel bounds the memory of
// that process, and its end is enforced from outside.
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { containerBytes, heldBytes } from '../../lib/process-memory.ts';
import type { QueryRejection } from '../query/run-query.ts';

export interface IsolatedQuery {
  readonly database: string;
  readonly sql: string;
  readonly maxRows: number | undefined;
  readonly timeLimitMs: number;
  readonly format: 'json' | 'parquet';
  /** A file, made anew: rows in that format, or {"error"} as JSON. */
  readonly answer: string;
}

/** From the sources, or as bundled. */
const PROGRAM = join(
  import.meta.dirname,
  basename(import.meta.filename).endsWith('.ts') ? 'isolated-query-child.ts' : 'isolated-query-child.mjs',
);
const NODE_OPTIONS = [
  '--max-old-space-size=256',
  '--max-semi-space-size=4',
  '--disable-warning=ExperimentalWarning',
];
const PATH = '/usr/local/bin:/usr/bin:/bin';
/** As RLIMIT_DATA counts it: Node.js alone reserves 650 MB of it, and uses 80 of these. */
const MEMORY_BYTES = 1100 * 1024 * 1024;
/** The process notices its time limit itself, but within a function of DuckDB. */
const GRACE_MS = 2000;
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** Where a container is out of memory, the kernel ends all that is in it, so this process goes before. */
const MOST_OF_CONTAINER = 0.85;
const LOOK_MS = 25;

type End = 'full' | 'late' | 'gone' | 'long' | 'ended';

/**
 * Resolves to what became of it, or to an error where there is no answer. Never throws because of the query. Throws where no
 * process can be started.
 */
export async function askIsolated(
  query: IsolatedQuery,
  signal: AbortSignal,
  limitBytes = containerBytes() * MOST_OF_CONTAINER,
): Promise<'answered' | 'rejected' | QueryRejection> {
  const limits = [`--data=${MEMORY_BYTES}`, '--core=0'];
  const child = spawn('prlimit', [...limits, process.execPath, ...NODE_OPTIONS, PROGRAM], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Nothing that SQL could ask for.
    env: { PATH, MALLOC_ARENA_MAX: '2' },
  });
  let end: End = 'ended';
  const kill = (reason: End): void => {
    if (end === 'ended') end = reason;
    child.kill('SIGKILL');
  };
  const onGone = (): void => kill('gone');
  signal.addEventListener('abort', onGone);
  const watch = setInterval(() => {
    if (heldBytes(process.pid) + heldBytes(child.pid ?? 0) > limitBytes) kill('full');
  }, LOOK_MS);
  const timer = setTimeout(() => kill('late'), query.timeLimitMs + GRACE_MS);
  try {
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', (code) => resolve(code));
    });
    if (signal.aborted) onGone();
    // A process that has ended does not read.
    child.stdin.on('error', () => undefined).end(JSON.stringify(query));
    const code = await ended;
    if (end !== 'ended' || (code !== ANSWERED && code !== REJECTED)) return refusal(end, query.timeLimitMs);
    const isLong = query.format === 'json' && (await stat(query.answer)).size > MOST_ANSWER_BYTES;
    if (isLong) return refusal('long', query.timeLimitMs);
    return code === REJECTED ? 'rejected' : 'answered';
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    signal.removeEventListener('abort', onGone);
  }
}

/** How that process ends. */
export const ANSWERED = 0;
export const REJECTED = 3;

const NO_MEMORY =
  'Cannot run the query within the memory of the denial log: narrow it, for example by event_time or LIMIT';

function refusal(end: End, timeLimitMs: number): QueryRejection {
  const sentences: Readonly<Record<End, string>> = {
    late: `Cannot finish the query within ${timeLimitMs / 1000} s: narrow it, for example by event_time`,
    gone: 'Cannot finish the query: the caller has gone',
    long: `Cannot answer with more than ${MOST_ANSWER_BYTES} bytes: narrow the query, or use LIMIT and OFFSET`,
    full: NO_MEMORY,
    ended: NO_MEMORY,
  };
  return { error: sentences[end] };
}
