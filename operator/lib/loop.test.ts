import { StillClock, turn } from '../../test/fixtures/still-clock.ts';
import { inSteps, Loop, type LoopOptions, type LoopRun } from './loop.ts';

let clock: StillClock;
let runs: number;
let failures: unknown[];

beforeEach(() => {
  clock = new StillClock();
  runs = 0;
  failures = [];
});

function loopOf(options: Partial<LoopOptions> = {}): Loop {
  const job = async (): Promise<object> => {
    runs += 1;
    return {};
  };
  const intervals = { minIntervalMs: 10, retryIntervalMs: 200, maxIntervalMs: 2000 };
  return new Loop({ job, ...intervals, clock, onFailure: (error) => failures.push(error), ...options });
}

/** A job that ends when the test says so. */
function heldJob() {
  const held: (() => void)[] = [];
  const job = (): Promise<object> => {
    runs += 1;
    return new Promise((resolve) => held.push(() => resolve({})));
  };
  const release = async (): Promise<void> => {
    held.shift()?.();
    await turn();
  };
  return { job, release };
}

test('trigger() runs the job at once the first time, and does not run it untriggered', async () => {
  const loop = loopOf();
  expect(clock.delays).toEqual([]);
  loop.trigger();
  expect(clock.delays).toEqual([0]);
  await clock.advance(0);
  expect(runs).toBe(1);
});

test('trigger() many times within the shortest interval causes one more run, at its end', async () => {
  const loop = loopOf();
  loop.trigger();
  await clock.advance(0);
  await clock.advance(4);
  for (let count = 0; count < 5; count += 1) loop.trigger();
  expect(clock.delays).toEqual([6]);
  await clock.advance(5);
  expect(runs).toBe(1);
  await clock.advance(1);
  expect(runs).toBe(2);
});

test('trigger() waits for no longer where the clock has been turned back', async () => {
  const loop = loopOf();
  loop.trigger();
  await clock.advance(0);
  clock.timers.clear();
  clock.now -= 3_600_000;
  loop.trigger();
  await clock.advance(10);
  expect(runs).toBe(2);
});

test('trigger() during a run causes exactly one run after it, never two at once', async () => {
  const { job, release } = heldJob();
  const loop = loopOf({ job });
  loop.trigger();
  await clock.advance(0);
  loop.trigger();
  loop.trigger();
  await clock.advance(50);
  expect(runs).toBe(1);
  await release();
  await clock.advance(0);
  expect(runs).toBe(2);
  await release();
  expect(clock.delays).toEqual([2000]);
});

test('Loop runs again within the longest interval without a trigger', async () => {
  const loop = loopOf();
  loop.trigger();
  await clock.advance(0);
  await clock.advance(1999);
  expect(runs).toBe(1);
  await clock.advance(1);
  expect(runs).toBe(2);
});

test('Loop runs earlier where the job asks for it, and not later than the longest interval', async () => {
  const wanted = [clock.now + 300, clock.now + 3_600_000];
  const loop = loopOf({ job: () => Promise.resolve({ runAgainAtMs: wanted[runs++] }) });
  loop.trigger();
  await clock.advance(0);
  expect(clock.delays).toEqual([300]);
  await clock.advance(300);
  expect(clock.delays).toEqual([2000]);
});

test('Loop reports a failure and runs again within the retry interval', async () => {
  const error = new Error('the world is closed');
  const loop = loopOf({ job: () => (++runs === 1 ? Promise.reject(error) : Promise.resolve({})) });
  loop.trigger();
  await clock.advance(0);
  expect(failures).toEqual([error]);
  expect(clock.delays).toEqual([200]);
  await clock.advance(200);
  expect(runs).toBe(2);
  expect(clock.delays).toEqual([2000]);
});

test('Loop survives a job that throws instead of rejecting', async () => {
  const job = (): Promise<object> => {
    throw new Error('a bug');
  };
  loopOf({ job }).trigger();
  await clock.advance(0);
  expect(failures).toEqual([new Error('a bug')]);
  expect(clock.delays).toEqual([200]);
});

test('Loop never sets a timer that Node cannot hold', async () => {
  loopOf({ maxIntervalMs: Number.POSITIVE_INFINITY }).trigger();
  await clock.advance(0);
  expect(clock.delays).toEqual([2 ** 31 - 1]);
});

test('settled() waits for the run that was triggered during a run', async () => {
  const { job, release } = heldJob();
  const loop = loopOf({ job });
  let isSettled = false;
  loop.trigger();
  void loop.settled().then(() => (isSettled = true));
  await clock.advance(0);
  loop.trigger();
  await release();
  expect(isSettled).toBe(false);
  await clock.advance(10);
  await release();
  expect(isSettled).toBe(true);
});

test('settled() resolves at once where nothing was triggered, and after a failure', async () => {
  const loop = loopOf({ job: () => Promise.reject(new Error('closed')) });
  await loop.settled();
  loop.trigger();
  const settled = loop.settled();
  await clock.advance(0);
  await settled;
  expect(failures).toHaveLength(1);
});

test('stop() waits for the run under way and lets none start after it', async () => {
  const { job, release } = heldJob();
  const loop = loopOf({ job });
  let isStopped = false;
  loop.trigger();
  await clock.advance(0);
  void loop.stop().then(() => (isStopped = true));
  await turn();
  expect(isStopped).toBe(false);
  loop.trigger();
  await release();
  expect(isStopped).toBe(true);
  expect(clock.delays).toEqual([]);
  await loop.settled();
  expect(runs).toBe(1);
});

test('stop() releases who waits for a run that will not come', async () => {
  const loop = loopOf();
  loop.trigger();
  const settled = loop.settled();
  await loop.stop();
  await settled;
  expect(clock.delays).toEqual([]);
  expect(runs).toBe(0);
});

describe('Loop tells of its runs:', () => {
  it('how long each took and waited, and whether it failed', async () => {
    const notified: LoopRun[] = [];
    const job = async (): Promise<object> => {
      clock.now += 500;
      runs += 1;
      if (runs === 2) throw new Error('no');
      return {};
    };
    const loop = loopOf({ job, minIntervalMs: 1000, onRun: (run) => notified.push(run) });
    loop.trigger();
    await clock.advance(0);
    loop.trigger();
    await clock.advance(500);
    expect(notified).toEqual([
      { seconds: 0.5, queuedSeconds: 0, failed: false },
      { seconds: 0.5, queuedSeconds: 0.5, failed: true },
    ]);
  });

  it('what waits and what goes on', async () => {
    const { job, release } = heldJob();
    const loop = loopOf({ job });
    expect(loop.state()).toEqual({ triggers: 0, isTriggered: false, runningSeconds: undefined });
    loop.trigger();
    loop.trigger();
    expect(loop.state()).toEqual({ triggers: 1, isTriggered: true, runningSeconds: undefined });
    await clock.advance(0);
    clock.now += 2000;
    expect(loop.state()).toEqual({ triggers: 1, isTriggered: false, runningSeconds: 2 });
    await release();
    expect(loop.state()).toEqual({ triggers: 1, isTriggered: false, runningSeconds: undefined });
  });
});

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
