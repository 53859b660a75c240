// Aggregates reports of events that may happen thousands of times a second: the first at once, later ones together
// after a while.
const INTERVAL_MS = 10_000;

export class Tally {
  readonly #notify: (count: number) => void;
  readonly #intervalMs: number;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(notify: (count: number) => void, intervalMs = INTERVAL_MS) {
    this.#notify = notify;
    this.#intervalMs = intervalMs;
  }

  add(count: number): void {
    this.#count += count;
    if (this.#timer === undefined) this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#count === 0) return;
    this.#notify(this.#count);
    this.#count = 0;
    this.#timer = setTimeout(() => this.#flush(), this.#intervalMs).unref();
  }
}
