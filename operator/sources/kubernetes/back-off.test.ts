import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { BackOff } from './back-off.ts';

const AWAY = new ApiFailure('no answer', { status: 0 });
const DENIED = new ApiFailure('refused', { status: 500 });

function waits(backOff: BackOff, errors: readonly Error[]): readonly number[] {
  return errors.map((error) => backOff.nextMs(error, 0, false));
}

describe('nextMs()', () => {
  it('doubles up to 30 s for a server that answers', () => {
    const errors = Array.from({ length: 8 }, () => DENIED);
    expect(waits(new BackOff(() => 1), errors)).toEqual([800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
  });

  it('waits 4 s at most for a server that is away, and begins anew when it answers', () => {
    const errors = [AWAY, AWAY, AWAY, AWAY, AWAY, DENIED];
    expect(waits(new BackOff(() => 1), errors)).toEqual([800, 1600, 3200, 4000, 4000, 800]);
  });

  it('spreads those who wait', () => {
    expect(waits(new BackOff(() => 0), [DENIED, DENIED])).toEqual([400, 800]);
  });

  it('begins anew after two minutes of health, and not before', () => {
    const backOff = new BackOff(() => 1);
    expect(backOff.nextMs(DENIED, 0, false)).toBe(800);
    expect(backOff.nextMs(DENIED, 100_000, false)).toBe(1600);
    expect(backOff.nextMs(DENIED, 300_000, false)).toBe(800);
  });

  it('hurries once', () => {
    const backOff = new BackOff(() => 1);
    expect([backOff.nextMs(DENIED, 0, true), backOff.nextMs(DENIED, 0, true)]).toEqual([0, 1600]);
  });

  it('waits as long as the server asks, and no longer each time', () => {
    const busy = new ApiFailure('busy', { status: 429, retryAfterMs: 7000 });
    expect(waits(new BackOff(() => 0), [busy, busy, busy])).toEqual([7000, 7000, 7000]);
  });
});
