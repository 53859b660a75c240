import { sharedRun } from './shared-run.ts';

test('sharedRun() runs twice for any number of calls at once, and each gets what began after it', async () => {
  const ends: (() => void)[] = [];
  let runs = 0;
  const run = sharedRun(async () => {
    const number = ++runs;
    await new Promise<void>((resolve) => ends.push(resolve));
    return number;
  });
  const first = run();
  const others = [run(), run(), run()];
  ends[0]?.();
  expect(await first).toBe(1);
  while (ends.length < 2) await new Promise((resolve) => setImmediate(resolve));
  ends[1]?.();
  expect(await Promise.all(others)).toEqual([2, 2, 2]);
});

test('sharedRun() runs again after a run that failed', async () => {
  let runs = 0;
  const run = sharedRun(async () => {
    runs += 1;
    if (runs < 3) throw new Error(`run ${runs}`);
    return runs;
  });
  const [first, second] = await Promise.allSettled([run(), run()]);
  expect([first.status, second.status]).toEqual(['rejected', 'rejected']);
  expect(await run()).toBe(3);
});
