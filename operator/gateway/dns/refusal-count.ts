// Counts questions beyond their client's rate limit: reported once for each client and second, so that a flood is small
// in the log and none of it is lost.

interface Counted<Question> {
  readonly first: Question;
  count: number;
}

const WINDOW_MS = 1000;

export class RefusalCount<Question> {
  readonly #maxClients: number;
  readonly #tell: (first: Question, count: number) => void;
  readonly #counted = new Map<string, Counted<Question>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(maxClients: number, tell: (first: Question, count: number) => void) {
    this.#maxClients = maxClients;
    this.#tell = tell;
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
    for (const { first, count } of this.#counted.values()) this.#tell(first, count);
    this.#counted.clear();
  }
}
