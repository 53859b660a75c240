import { TokenBuckets } from './token-buckets.ts';

describe('TokenBuckets', () => {
  it('lets a burst through, and then one more whenever a token has come', () => {
    const buckets = new TokenBuckets(3, 1000);
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
    const buckets = new TokenBuckets(1, 1000);
    expect(buckets.take('one', 0)).toBe(true);
    expect(buckets.take('other', 0)).toBe(true);
    expect(buckets.take('one', 0)).toBe(false);
  });

  it('saves no more than a burst', () => {
    const buckets = new TokenBuckets(2, 1000);
    buckets.take('pod', 0);
    expect([1, 2, 3].map(() => buckets.take('pod', 1_000_000))).toEqual([true, true, false]);
  });
});
