// Work on one thing at a time, in the order in which it came; work on different things goes on side by side.
import pLimit, { type LimitFunction } from 'p-limit';

export class InTurn {
  readonly #limits = new Map<string, LimitFunction>();

  async run<Result>(thing: string, work: () => Promise<Result>): Promise<Result> {
    const limit = this.#limits.get(thing) ?? pLimit(1);
    this.#limits.set(thing, limit);
    try {
      return await limit(work);
    } finally {
      if (limit.activeCount + limit.pendingCount === 0) this.#limits.delete(thing);
    }
  }
}
