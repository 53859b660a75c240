// Whether something happens for the first time within a period. The period starts at the first time, so something that
// repeats forever is new once in each period.
import { LRUCache } from 'lru-cache';

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
