// A query over a copy of a caller's rows -> its answer, from a process that lives for this query only. SQL can take all
// memory, and does not always end when it is told to; here it takes nothing else along. Starting a process takes longer than
// most queries, so one waits for the next query for a while. While a query runs no process waits.
import { containerBytes } from '../../lib/process-memory.ts';
import type { QueryRejection } from '../query/run-query.ts';
import type { IsolatedQuery } from './isolated-query-wire.ts';
import { CALLER_GONE, NO_MEMORY, type QueryOutcome, QueryProcess } from './query-process.ts';

/** Where a container is out of memory, the kernel ends all that is in it, so this process goes before. */
const MOST_OF_CONTAINER = 0.85;
/** A process that waits takes memory, and most collectors are asked by nobody most of the time. */
const WAIT_MS = 300_000;

export interface IsolatedQueriesOptions {
  /** That a process and this one may hold together. Default: most of the container's memory. */
  readonly limitBytes?: number;
  /** How long a process waits for a query. Default 300,000. */
  readonly waitMs?: number;
}

/** Of processes that have not ended. */
export interface QueryPids {
  readonly waiting: number | undefined;
  /** They have a query, and perhaps not read it yet. */
  readonly asked: readonly number[];
  /** Those of them that have read it. */
  readonly running: readonly number[];
}

export class IsolatedQueries {
  readonly #limitBytes: number;
  readonly #waitMs: number;
  #waiting: QueryProcess | undefined;
  /** The next query may begin while the process of one whose caller has gone is ending. */
  readonly #asked = new Set<QueryProcess>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({
    limitBytes = containerBytes() * MOST_OF_CONTAINER,
    waitMs = WAIT_MS,
  }: IsolatedQueriesOptions = {}) {
    this.#limitBytes = limitBytes;
    this.#waitMs = waitMs;
  }

  get pids(): QueryPids {
    const asked = [...this.#asked].filter(({ isOpen }) => isOpen);
    return {
      waiting: this.#openWaiting()?.pid,
      asked: asked.flatMap(({ pid }) => pid ?? []),
      running: asked.filter(({ hasBegun }) => hasBegun).flatMap(({ pid }) => pid ?? []),
    };
  }

  /** Has a process wait, for a query that is about to come. While one runs there is no other, for the sake of memory. */
  prepare(): void {
    if (this.#isClosed || this.#asked.size > 0) return;
    try {
      this.#waiting = this.#openWaiting() ?? new QueryProcess(this.#limitBytes);
    } catch {
      // The query itself will say so.
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#waiting?.stop(), this.#waitMs);
  }

  /**
   * Resolves to what became of it, or to an error where there is no answer. Never throws because of the query. Throws where no
   * process can be started.
   */
  async ask(query: IsolatedQuery, signal: AbortSignal): Promise<'answered' | 'rejected' | QueryRejection> {
    if (signal.aborted) return { error: CALLER_GONE };
    const first = await this.#askOne(query, signal);
    // The process may have ended while it waited.
    const outcome = first === 'not begun' ? await this.#askOne(query, signal) : first;
    return outcome === 'not begun' ? { error: NO_MEMORY } : outcome;
  }

  /** No process is left afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#waiting, ...this.#asked].map((one) => one?.stop()));
  }

  async #askOne(query: IsolatedQuery, signal: AbortSignal): Promise<QueryOutcome> {
    clearTimeout(this.#timer);
    const asked = this.#openWaiting() ?? new QueryProcess(this.#limitBytes);
    this.#waiting = undefined;
    this.#asked.add(asked);
    void this.#prepareAfter(asked);
    return await asked.ask(query, signal);
  }

  async #prepareAfter(asked: QueryProcess): Promise<void> {
    // Its failure is that of the query.
    await asked.closed.catch(() => undefined);
    this.#asked.delete(asked);
    this.prepare();
  }

  #openWaiting(): QueryProcess | undefined {
    return this.#waiting?.isOpen === true ? this.#waiting : undefined;
  }
}
