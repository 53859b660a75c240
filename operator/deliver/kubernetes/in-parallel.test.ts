import { inParallel } from './in-parallel.ts';

function pods(count: number) {
  return Array.from({ length: count }, (_, at) => ({
    kind: 'Pod',
    metadata: { namespace: 'analytics', name: `pod-${at}` },
  }));
}

describe('inParallel()', () => {
  it('does everything, eight at a time', async () => {
    let running = 0;
    let most = 0;
    const done: string[] = [];
    const failures = await inParallel(pods(30), async ({ metadata }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      done.push(metadata.name);
    });
    expect(failures).toEqual([]);
    expect(new Set(done).size).toBe(30);
    expect(most).toBe(8);
  });

  it('goes on after a failure, and says which objects failed', async () => {
    const done: string[] = [];
    const failures = await inParallel(pods(20), async ({ metadata: { name } }) => {
      await Promise.resolve();
      if (name.endsWith('3')) throw new Error(`Cannot write ${name}`);
      done.push(name);
    });
    const notified = failures.map(({ item, error }) => [item.metadata.name, error.message]);
    expect(notified).toEqual([
      ['pod-3', 'Cannot write pod-3'],
      ['pod-13', 'Cannot write pod-13'],
    ]);
    expect(done).toHaveLength(18);
  });
});
