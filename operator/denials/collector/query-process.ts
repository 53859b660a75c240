// One process for one query over a copy of a caller's rows: it is started, waits with everything loaded, is asked once, and
// ends. The kernel bounds its memory, and its end is enforced from outside.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { heldBytes } from '../../lib/process-memory.ts';
import type { QueryRejection } from '../query/run-query.ts';
import { ANSWERED, BEGUN, type IsolatedQuery, REJECTED } from './isolated-query-wire.ts';

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

const LOOK_MS = 25;
/** It takes no more while it waits, but its parent may. */
const WAITING_LOOK_MS = 500;

type End = 'full' | 'late' | 'gone' | 'ended';

/** "not begun": it ended before it had read the query. */
export type QueryOutcome = 'answered' | 'rejected' | 'not begun' | QueryRejection;

export class QueryProcess {
  readonly #limitBytes: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  /** Rejects where it could not be started. */
  readonly closed: Promise<void>;
  #watch: NodeJS.Timeout;
  readonly #answered = Promise.withResolvers<void>();
  /** What it has said. */
  #said = '';
  #hasClosed = false;
  #end: End = 'ended';

  /** It ends where it and this process together hold more than `limitBytes`. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    const limits = [`--data=${MEMORY_BYTES}`, '--core=0'];
    this.#child = spawn('prlimit', [...limits, process.execPath, ...NODE_OPTIONS, PROGRAM], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // Nothing that SQL could ask for.
      env: { PATH, MALLOC_ARENA_MAX: '2' },
    });
    this.#child.stdout.setEncoding('latin1').on('data', (part: string) => this.#hear(part));
    // A process that has ended does not read.
    this.#child.stdin.on('error', () => undefined);
    this.#watch = setInterval(() => this.#look(), WAITING_LOOK_MS);
    this.closed = new Promise<void>((resolve, reject) => {
      this.#child.once('error', reject).once('close', () => resolve());
    }).finally(() => {
      this.#hasClosed = true;
      clearInterval(this.#watch);
    });
    // Of one that is never asked, nobody waits for the end.
    this.closed.catch(() => undefined);
  }

  /** Until it is known to have ended. */
  get isOpen(): boolean {
    return !this.#hasClosed && this.#end === 'ended';
  }

  /** Whether it has read its query. */
  get hasBegun(): boolean {
    return this.#said !== '';
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Once. When it resolves, the process may still be ending. Never throws because of the query. Throws where the process could not be started. */
  async ask(query: IsolatedQuery, signal: AbortSignal): Promise<QueryOutcome> {
    const onGone = (): void => this.#kill('gone');
    signal.addEventListener('abort', onGone);
    const timer = setTimeout(() => this.#kill('late'), query.timeLimitMs + GRACE_MS);
    this.#watchClosely();
    try {
      if (signal.aborted) onGone();
      // Its input stays open, so that the process notices where this one ends.
      this.#child.stdin.write(`${JSON.stringify(query)}\n`);
      await Promise.race([this.#answered.promise, this.closed]);
      return await this.#outcome(query);
    } finally {
      // Whatever it is still at.
      this.#child.kill('SIGKILL');
      clearTimeout(timer);
      signal.removeEventListener('abort', onGone);
    }
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#kill('gone');
    await this.closed.catch(() => undefined);
  }

  async #outcome({ timeLimitMs, format, answer }: IsolatedQuery): Promise<QueryOutcome> {
    if (this.#end === 'ended' && !this.hasBegun) return 'not begun';
    const outcome = this.#end === 'ended' ? OUTCOMES.get(this.#said) : undefined;
    if (outcome === undefined) return refusal(this.#end, timeLimitMs);
    const isLong = format === 'json' && (await stat(answer)).size > MOST_ANSWER_BYTES;
    return isLong ? TOO_LONG : outcome;
  }

  #hear(part: string): void {
    this.#said += part;
    if (OUTCOMES.has(this.#said)) this.#answered.resolve();
  }

  #watchClosely(): void {
    if (this.#hasClosed) return;
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    if (heldBytes(process.pid) + heldBytes(this.#child.pid ?? 0) > this.#limitBytes) this.#kill('full');
  }

  #kill(reason: End): void {
    if (this.#end === 'ended') this.#end = reason;
    this.#child.kill('SIGKILL');
  }
}

const OUTCOMES: ReadonlyMap<string, 'answered' | 'rejected'> = new Map([
  [`${BEGUN}${ANSWERED}`, 'answered'],
  [`${BEGUN}${REJECTED}`, 'rejected'],
]);

const TOO_LONG = {
  error: `Cannot answer with more than ${MOST_ANSWER_BYTES} bytes: narrow the query, or use LIMIT and OFFSET`,
};

export const CALLER_GONE = 'Cannot finish the query: the caller has gone';
export const NO_MEMORY =
  'Cannot run the query within the memory of the denial log: narrow it, for example by event_time or LIMIT';

function refusal(end: End, timeLimitMs: number): QueryRejection {
  const sentences: Readonly<Record<End, string>> = {
    late: `Cannot finish the query within ${timeLimitMs / 1000} s: narrow it, for example by event_time`,
    gone: CALLER_GONE,
    full: NO_MEMORY,
    ended: NO_MEMORY,
  };
  return { error: sentences[end] };
}
