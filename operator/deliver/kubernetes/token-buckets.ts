// How much each of many may still do: a burst at first, and one more every so often.

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export class TokenBuckets {
  readonly #burst: number;
  readonly #refillMs: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(burst: number, refillMs: number) {
    this.#burst = burst;
    this.#refillMs = refillMs;
  }

  /** True where there was a token left. A full bucket is forgotten, so that memory follows the busy ones. */
  take(key: string, nowMs: number): boolean {
    for (const [other, bucket] of this.#buckets) {
      if (this.#tokensIn(bucket, nowMs) >= this.#burst) this.#buckets.delete(other);
    }
    const known = this.#buckets.get(key);
    const tokens = known === undefined ? this.#burst : this.#tokensIn(known, nowMs);
    if (tokens < 1) return false;
    this.#buckets.set(key, { tokens: tokens - 1, atMs: nowMs });
    return true;
  }

  #tokensIn({ tokens, atMs }: Bucket, nowMs: number): number {
    return Math.min(this.#burst, tokens + (nowMs - atMs) / this.#refillMs);
  }
}
