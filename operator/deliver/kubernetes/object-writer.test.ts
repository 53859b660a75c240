import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import { NoLongerLeader, sendAsLeader } from './object-writer.ts';

function failure(status: number, retryAfterMs?: number): ApiFailure {
  return new ApiFailure(`answered ${status}`, { status, retryAfterMs });
}

/** Fails with each of these in turn, then answers. */
function server(...failures: readonly Error[]): { send: () => Promise<unknown>; asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    send: async () => {
      const failure = failures[asked];
      asked += 1;
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      return 'written';
    },
  };
}

describe('sendAsLeader()', () => {
  it('tries again where the server is busy, after the time that it asks for', async () => {
    const { send, asked } = server(failure(429, 60), failure(503, 10));
    const startMs = performance.now();
    await expect(sendAsLeader(() => true, send)).resolves.toBe('written');
    expect(asked()).toBe(3);
    expect(performance.now() - startMs).toBeGreaterThan(65);
  });

  it('gives up after four times', async () => {
    const { send, asked } = server(...Array.from({ length: 9 }, () => failure(429, 1)));
    await expect(sendAsLeader(() => true, send)).rejects.toThrow('answered 429');
    expect(asked()).toBe(4);
  });

  it.each([
    ['a conflict', failure(409)],
    ['an object that the server does not take', failure(422)],
    ['a server out of reach', failure(0)],
    ['a server that asks for minutes', failure(429, 120_000)],
  ])('leaves %s to the caller', async (_, failure) => {
    const { send, asked } = server(failure);
    await expect(sendAsLeader(() => true, send)).rejects.toBe(failure);
    expect(asked()).toBe(1);
  });

  it('sends nothing where another leads, also not in a second try', async () => {
    const { send, asked } = server(failure(503, 1));
    let leads = 1;
    const mayWrite = (): boolean => leads-- > 0;
    await expect(sendAsLeader(mayWrite, send)).rejects.toBeInstanceOf(NoLongerLeader);
    expect(asked()).toBe(1);
  });
});
