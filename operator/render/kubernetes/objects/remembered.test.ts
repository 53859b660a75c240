// Checks when an answer is the very same, and when it is computed anew.
import { remembered } from './remembered.ts';

describe('remembered()', () => {
  const box = remembered((subject: { readonly name: string }, size: number) => ({ subject, size }));
  const subject = { name: 'a' };

  it('gives the very same answer for the same object and surroundings', () => {
    expect(box(subject, 1)).toBe(box(subject, 1));
  });

  it('computes anew for another object, however equal, and for other surroundings', () => {
    const first = box(subject, 1);
    expect(box({ name: 'a' }, 1)).not.toBe(first);
    expect(box(subject, 2)).toEqual({ subject, size: 2 });
    expect(box(subject, 1)).toEqual(first);
  });
});
