// Per-key token buckets: a burst, and one token per interval. The least recently used are
// dropped, and full when they are used again.
import { LRUCache } from 'lru-cache';

interface Bucket {
  tokens: number;
  atMs: number;
}

export interface TokenBucketsOptions {
  /** In a full bucket. */
  readonly burst: number;
  /** Until the next token. */
  readonly refillMs: number;
  readonly maxKeys: number;
}

export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
    this.#buckets = new LRUCache({ max: options.maxKeys });
  }

  /** True where there was a token left. */
  take(key: string, nowMs: number): boolean {
    const bucket = this.#filled(key, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Whether take() would be true. */
  has(key: string, nowMs: number): boolean {
    return this.#filled(key, nowMs).tokens >= 1;
  }

  #filled(key: string, nowMs: number): Bucket {
    const { burst, refillMs } = this.#options;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: burst, atMs: nowMs };
      this.#buckets.set(key, bucket);
    }
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(burst, bucket.tokens + elapsedMs / refillMs);
    bucket.atMs = nowMs;
    return bucket;
  }
}
