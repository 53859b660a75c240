import { contentHash } from './content-hash.ts';

describe('contentHash()', () => {
  it('is the same for the same content, everywhere', () => {
    expect(contentHash({ a: [1, 'b'] })).toBe(contentHash({ a: [1, 'b'] }));
    expect(contentHash('')).toBe('12ae32cb1ec0');
  });

  it('differs where content differs', () => {
    expect(new Set([contentHash([]), contentHash(['a']), contentHash([['a']]), contentHash({})]).size).toBe(
      4,
    );
  });
});
