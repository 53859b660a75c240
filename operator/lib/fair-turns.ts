// Work of several keys -> turns of one after the other, so that nobody waits for more than one turn of each other key,
// however many somebody else asks for. A key has one turn at a time, and whose last turn is longest ago is next: so a
// newcomer waits only for other newcomers, not for those who have had theirs and have many more waiting.
import { LRUCache } from 'lru-cache';

export interface FairTurnsOptions {
  /** Turns that hold their place at once. */
  readonly atOnce: number;
  /** Turns that have not ended at once, of which some have given their place away already. */
  readonly mostOpen: number;
  /** So long a turn may hold its place where another key waits for one. */
  readonly shareMs: number;
}

export interface Turn {
  /** Aborted when it has held its place for long enough, and another key waits. */
  readonly overdue: AbortSignal;
  /** Gives the place to others; the key itself has to wait on. */
  readonly leave: () => void;
  /** Gives all back. More than once is as once. */
  readonly end: () => void;
}

interface Waiter {
  readonly start: (turn: Turn) => void;
}

/** One that is forgotten is a newcomer. */
const MOST_REMEMBERED = 10_000;

export class FairTurns {
  readonly #options: FairTurnsOptions;
  /** Of each key those that wait; the keys in the order in which they came. */
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #open = new Set<string>();
  /** Of turns that have held their place for long enough. */
  readonly #late = new Set<AbortController>();
  /** When keys had their last turn, as a number that grows. */
  readonly #lastTurn = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  #now = 0;
  #held = 0;

  constructor(options: FairTurnsOptions) {
    this.#options = options;
  }

  /** Rejects with the reason of the signal where that is aborted while it waits. */
  take(key: string, signal: AbortSignal): Promise<Turn> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        this.#forget(key, waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        start: (turn) => {
          signal.removeEventListener('abort', onAbort);
          resolve(turn);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(waiter));
      this.#startNext();
      this.#endLate();
    });
  }

  #startNext(): void {
    const last = (key: string): number => this.#lastTurn.get(key) ?? 0;
    for (const [key, waiters] of [...this.#waiting].toSorted(([a], [b]) => last(a) - last(b))) {
      if (this.#held >= this.#options.atOnce || this.#open.size >= this.#options.mostOpen) return;
      const [waiter] = waiters;
      if (waiter === undefined || this.#open.has(key)) continue;
      this.#forget(key, waiter);
      waiter.start(this.#begin(key));
    }
  }

  #begin(key: string): Turn {
    this.#open.add(key);
    this.#hasTurnNow(key);
    this.#held += 1;
    let [holds, isOpen] = [true, true];
    const overdue = new AbortController();
    const share = setTimeout(() => {
      this.#late.add(overdue);
      this.#endLate();
    }, this.#options.shareMs);
    const leave = (): void => {
      if (!holds) return;
      holds = false;
      clearTimeout(share);
      this.#late.delete(overdue);
      this.#held -= 1;
      this.#startNext();
    };
    const end = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#open.delete(key);
      this.#hasTurnNow(key);
      leave();
      this.#startNext();
    };
    return { overdue: overdue.signal, leave, end };
  }

  #endLate(): void {
    if ([...this.#waiting.keys()].every((key) => this.#open.has(key))) return;
    for (const overdue of this.#late) overdue.abort();
  }

  #hasTurnNow(key: string): void {
    this.#now += 1;
    this.#lastTurn.set(key, this.#now);
  }

  #forget(key: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(key);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiting.delete(key);
  }
}
