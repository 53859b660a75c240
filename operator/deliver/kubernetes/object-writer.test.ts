import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { NoLongerLeader, sendAsLeader } from './object-writer.ts';

function refusal(status: number, retryAfterMs?: number): ApiFailure {
  return new ApiFailure(`answered ${status}`, { status, retryAfterMs });
}

/** Fails with each of these in turn, then answers. */
function server(...denials: readonly Error[]): { send: () => Promise<unknown>; asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    send: async () => {
      const failure = denials[asked];
      asked += 1;
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      return 'written';
    },
  };
}

describe('sendAsLeader()', () => {
  it('tries again where the server is busy, after the time that it asks for', async () => {
    const { send, asked } = server(refusal(429, 60), refusal(503, 10));
    const startMs = performance.now();
    await expect(sendAsLeader(() => true, send)).resolves.toBe('written');
    expect(asked()).toBe(3);
    expect(performance.now() - startMs).toBeGreaterThan(65);
  });

  it('gives up after four times', async () => {
    const { send, asked } = server(...Array.from({ length: 9 }, () => refusal(429, 1)));
    await expect(sendAsLeader(() => true, send)).rejects.toThrow('answered 429');
    expect(asked()).toBe(4);
  });

  it.each([
    ['a conflict', refusal(409)],
    ['an object that the server does not take', refusal(422)],
    ['a server out of reach', refusal(0)],
    ['a server that asks for minutes', refusal(429, 120_000)],
  ])('leaves %s to the caller', async (_, failure) => {
    const { send, asked } = server(failure);
    await expect(sendAsLeader(() => true, send)).rejects.toBe(failure);
    expect(asked()).toBe(1);
  });

  it('sends nothing where another leads, also not in a second try', async () => {
    const { send, asked } = server(refusal(503, 1));
    let leads = 1;
    const mayWrite = (): boolean => leads-- > 0;
    await expect(sendAsLeader(mayWrite, send)).rejects.toBeInstanceOf(NoLongerLeader);
    expect(asked()).toBe(1);
  });
});
