import fc from 'fast-check';
import { OPENING_MS, SETTLING_MS, tryTargets } from './try-targets.ts';

const SEED = 20270131;
const RUNS = 2000;
/** As dial.ts: an attempt that nobody answers. */
const UNANSWERED_MS = 2000;
const PAUSE_MS = 250;
const NEVER = Number.POSITIVE_INFINITY;

/** Time that passes only while everybody waits for it. */
class VirtualTime {
  nowMs = 0;
  readonly #timers: { readonly atMs: number; readonly wake: () => void }[] = [];

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#timers.push({ atMs: this.nowMs + ms, wake }));
  }

  async until<Result>(work: Promise<Result>): Promise<Result> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (isDone || next === undefined) return done;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.nowMs = next.atMs;
      next.wake();
    }
  }
}

interface Target {
  readonly text: string;
  /** From then on the network leads there, in milliseconds; before it nothing is answered. */
  readonly fromMs: number;
  /** Until when; Infinity where nobody closes it. */
  readonly untilMs: number;
  /** Whether packets are lost now and then, but never of two attempts in a row. */
  readonly isLossy: boolean;
}

function networkOf(time: VirtualTime) {
  const attempts = new Map<string, number>();
  const opens = async ({ text, fromMs, untilMs, isLossy }: Target): Promise<boolean> => {
    const tried = (attempts.get(text) ?? 0) + 1;
    attempts.set(text, tried);
    const isOpen = time.nowMs >= fromMs && time.nowMs < untilMs && !(isLossy && tried % 2 === 0);
    await time.sleep(isOpen ? 1 : UNANSWERED_MS);
    return isOpen;
  };
  return { opens, nowMs: () => time.nowMs, pause: () => time.sleep(PAUSE_MS) };
}

async function run(allowed: readonly Target[], denied: readonly Target[]) {
  const time = new VirtualTime();
  const result = await time.until(tryTargets({ allowed, denied }, networkOf(time)));
  return { result, tookMs: time.nowMs };
}

/** When the network of a new pod works; well before a canary gives up. */
const upMs = fc.nat({ max: OPENING_MS / 2 });
const target = (text: string, fromMs: number, untilMs: number, isLossy = false): Target => ({
  ...{ text, fromMs, untilMs, isLossy },
});

it('an open network is never taken for one that enforces, however late it works and whatever gets lost', async () => {
  await fc.assert(
    fc.asyncProperty(upMs, fc.boolean(), fc.integer({ min: 1, max: 4 }), async (fromMs, isLossy, count) => {
      const denied = Array.from({ length: count }, (_, at) => target(`denied-${at}`, fromMs, NEVER, isLossy));
      const { result } = await run([target('allowed', fromMs, NEVER)], denied);
      expect(result.denied.map(({ isOpen }) => isOpen)).toEqual(denied.map(() => true));
      expect(result.allowed).toEqual([{ target: 'allowed', isOpen: true }]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it('a policy that comes late is told from one that never comes, with the time for which it was open', async () => {
  await fc.assert(
    fc.asyncProperty(upMs, fc.nat({ max: 3 * SETTLING_MS }), async (fromMs, closesAfterMs) => {
      const openedMs = await run([target('allowed', fromMs, NEVER)], []).then(({ tookMs }) => tookMs);
      const { result } = await run(
        [target('allowed', fromMs, NEVER)],
        [target('denied', fromMs, openedMs + closesAfterMs)],
      );
      const [{ isOpen, openForMs } = { isOpen: undefined, openForMs: NEVER }] = result.denied;
      // Between the two the last attempt may be on either side.
      if (closesAfterMs <= SETTLING_MS) expect(isOpen).toBe(false);
      if (closesAfterMs > SETTLING_MS + UNANSWERED_MS) expect(isOpen).toBe(true);
      if (isOpen === true) return;
      expect(openForMs).toBeLessThanOrEqual(closesAfterMs + 1);
      expect(openForMs).toBeGreaterThan(closesAfterMs - PAUSE_MS - 2);
      expect(openForMs > 0).toBe(closesAfterMs > 0);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

it('where nothing works, it says so of each target, and ends', async () => {
  const { result, tookMs } = await run([target('a', NEVER, NEVER)], [target('d', NEVER, NEVER)]);
  expect(result).toEqual({
    allowed: [{ target: 'a', isOpen: false }],
    denied: [{ target: 'd', isOpen: false, openForMs: 0 }],
  });
  // The pod ends by itself after a minute.
  expect(tookMs).toBeLessThan(30_000);
});
