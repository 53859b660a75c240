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
    expect(failures.size).toBe(0);
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
    expect([...failures.keys()]).toEqual(['Pod/analytics/pod-3', 'Pod/analytics/pod-13']);
    expect(failures.get('Pod/analytics/pod-13')?.message).toBe('Cannot write pod-13');
    expect(done).toHaveLength(18);
  });
});
