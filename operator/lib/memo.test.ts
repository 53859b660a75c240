import { memoize, memoizeEach, memoizeLast, memoizeUntilChange } from './memo.ts';

describe('memoize()', () => {
  const box = memoize((subject: { readonly name: string }, size: number) => ({ subject, size }));
  const subject = { name: 'a' };

  it('gives the very same answer for the same subject with the same things beside it', () => {
    expect(box(subject, 1)).toBe(box(subject, 1));
  });

  it('computes anew for another subject, however equal, and for other things', () => {
    const first = box(subject, 1);
    expect(box({ name: 'a' }, 1)).not.toBe(first);
    expect(box(subject, 2)).toEqual({ subject, size: 2 });
    expect(box(subject, 1)).toEqual(first);
  });

  it('compares nothing but the things that count', () => {
    const bySize = memoize(
      (_: object, box: { readonly size: number }) => ({ box }),
      (_, { size }) => [size],
    );
    expect(bySize(subject, { size: 1 })).toBe(bySize(subject, { size: 1 }));
    expect(bySize(subject, { size: 2 })).toEqual({ box: { size: 2 } });
  });
});

test('memoizeLast() computes anew where one argument is another object', () => {
  const pair = memoizeLast((a: object, b?: object) => ({ a, b }));
  const [a, b] = [{}, {}];
  const first = pair(a, b);
  expect(pair(a, b)).toBe(first);
  expect(pair(a, {})).not.toBe(first);
  expect(pair(a)).toEqual({ a, b: undefined });
});

test('memoizeUntilChange() computes once between two changes, whichever moment is asked first', () => {
  const at = memoizeUntilChange(
    (_: object, atMs: number) => ({ atMs }),
    () => [20, 10],
  );
  const subject = {};
  expect([15, 10, 19, 20, 1e9, 9, -1].map((atMs) => at(subject, atMs).atMs)).toEqual([
    15, 15, 15, 20, 20, 9, 9,
  ]);
});

describe('memoizeEach()', () => {
  it('gives the very same answer for each key of the call before, and forgets the others', () => {
    const boxes = memoizeEach((key) => ({ key }));
    const [a, b] = boxes(['a', 'b']);
    expect(boxes(['b', 'c', 'b'])).toEqual([b, { key: 'c' }, b]);
    expect(boxes(['b', 'a'])[0]).toBe(b);
    expect(boxes(['a'])[0]).not.toBe(a);
  });
});
