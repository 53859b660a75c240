// Counts questions beyond their client's rate limit: reported once for each client and second, so that a flood is small
// in the log and none of it is lost.
import { LRUCache } from 'lru-cache';

interface Counted<Question> {
  readonly first: Question;
  count: number;
}

const WINDOW_MS = 1000;

export class DeniedCount<Question> {
  readonly #maxClients: number;
  readonly #notify: (first: Question, count: number) => void;
  readonly #counted = new Map<string, Counted<Question>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(maxClients: number, notify: (first: Question, count: number) => void) {
    this.#maxClients = maxClients;
    this.#notify = notify;
  }

  add(client: string, question: Question): void {
    const known = this.#counted.get(client);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    if (this.#counted.size >= this.#maxClients) this.flush();
    this.#counted.set(client, { first: question, count: 1 });
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS).unref();
  }

  /** Reports all so far. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { first, count } of this.#counted.values()) this.#notify(first, count);
    this.#counted.clear();
  }
}

/**
 * Whether something happens for the first time within a while: what happens without end is new again and again, once in
 * each while.
 */
export class SeenLately {
  readonly #windowMs: number;
  readonly #firstMs: LRUCache<string, number>;

  constructor(windowMs: number, limit: number) {
    this.#windowMs = windowMs;
    this.#firstMs = new LRUCache({ max: limit });
  }

  isNew(key: string, nowMs: number): boolean {
    const firstMs = this.#firstMs.get(key);
    // A clock that was set back must not suppress it.
    if (firstMs !== undefined && nowMs >= firstMs && nowMs - firstMs < this.#windowMs) return false;
    this.#firstMs.set(key, nowMs);
    return true;
  }
}
