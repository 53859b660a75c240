import { TokenBuckets } from './token-buckets.ts';

describe('TokenBuckets', () => {
  it('lets a burst through, and then one more whenever a token has come', () => {
    const buckets = new TokenBuckets({ burst: 3, refillMs: 1000, maxKeys: 10 });
    const at = (ms: number): boolean => buckets.take('pod', ms);
    expect([0, 0, 0, 0, 999, 1000, 1001, 2000].map(at)).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it('counts each key for itself', () => {
    const buckets = new TokenBuckets({ burst: 1, refillMs: 1000, maxKeys: 10 });
    expect(buckets.take('one', 0)).toBe(true);
    expect(buckets.take('other', 0)).toBe(true);
    expect(buckets.take('one', 0)).toBe(false);
  });

  it('saves no more than a burst', () => {
    const buckets = new TokenBuckets({ burst: 2, refillMs: 1000, maxKeys: 10 });
    buckets.take('pod', 0);
    expect([1, 2, 3].map(() => buckets.take('pod', 1_000_000))).toEqual([true, true, false]);
  });

  it('forgets the key that was not asked for longest', () => {
    const buckets = new TokenBuckets({ burst: 1, refillMs: 1000, maxKeys: 2 });
    expect(['a', 'b', 'c', 'b', 'a'].map((key) => buckets.take(key, 0))).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
  });

  it('takes no token away when the clock goes back', () => {
    const buckets = new TokenBuckets({ burst: 2, refillMs: 1000, maxKeys: 2 });
    expect([5000, 0, 0].map((ms) => buckets.take('a', ms))).toEqual([true, true, false]);
  });
});
