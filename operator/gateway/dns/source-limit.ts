// How many questions each source may still ask: so many each second, and twice as many at once.
import { LRUCache } from 'lru-cache';

interface Bucket {
  tokens: number;
  atMs: number;
}

const SECONDS_AT_ONCE = 2;

export class SourceLimit {
  readonly #perSecond: number;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(perSecond: number, maxSources: number) {
    this.#perSecond = perSecond;
    this.#buckets = new LRUCache({ max: maxSources });
  }

  /** True where the source may ask this one. */
  take(source: string, nowMs: number): boolean {
    const most = this.#perSecond * SECONDS_AT_ONCE;
    let bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      bucket = { tokens: most, atMs: nowMs };
      this.#buckets.set(source, bucket);
    }
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(most, bucket.tokens + (elapsedMs * this.#perSecond) / 1000);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
