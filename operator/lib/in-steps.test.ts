// Checks that others have their turn between two steps, and that what is thrown comes out.
import { inSteps } from './in-steps.ts';

describe('inSteps()', () => {
  it('resolves with the result and lets others in at every pause', async () => {
    const order: string[] = [];
    function* steps(): Generator<void, string> {
      order.push('first');
      setImmediate(() => order.push('another'));
      yield;
      order.push('second');
      return 'done';
    }
    expect(await inSteps(steps())).toBe('done');
    expect(order).toEqual(['first', 'another', 'second']);
  });

  it('rejects with what a step throws', async () => {
    function* steps(): Generator<void, never> {
      throw new Error('broken');
    }
    await expect(inSteps(steps())).rejects.toThrow('broken');
  });
});
