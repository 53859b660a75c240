import fc from 'fast-check';
import { until } from '../../test/support/until.ts';
import { FairTurns, type Turn } from './fair-turns.ts';

const SHARE_MS = 60_000;
const KEYS = ['a', 'b', 'c', 'd'];

interface Wait {
  readonly key: string;
  readonly gone: AbortController;
  /** Turns of each other key that began while it was the first of its key to wait. */
  readonly others: Map<string, number>;
  outcome: 'waits' | 'began' | 'left' | 'ended' | 'gone';
  turn?: Turn;
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('ask' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('leave' as const), at: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('end' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('go' as const), at: fc.nat() }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Crowd {
  readonly waits: Wait[] = [];
  readonly #turns: FairTurns;

  constructor(turns: FairTurns) {
    this.#turns = turns;
  }

  all(...outcomes: readonly Wait['outcome'][]): readonly Wait[] {
    return this.waits.filter(({ outcome }) => outcomes.includes(outcome));
  }

  async take(one: Step): Promise<void> {
    if (one.what === 'ask') this.#ask(one.key);
    else if (one.what === 'go') this.#pick(one.at, 'waits')?.gone.abort(new Error('gone'));
    else if (one.what === 'leave') this.#change(this.#pick(one.at, 'began'), 'left');
    else this.#change(this.#pick(one.at, 'began', 'left'), 'ended');
    await settled();
  }

  #pick(at: number, ...outcomes: readonly Wait['outcome'][]): Wait | undefined {
    const all = this.all(...outcomes);
    return all[at % Math.max(1, all.length)];
  }

  #change(wait: Wait | undefined, outcome: 'left' | 'ended'): void {
    if (wait === undefined) return;
    wait.outcome = outcome;
    if (outcome === 'left') wait.turn?.leave();
    else wait.turn?.end();
  }

  #ask(key: string): void {
    const wait: Wait = { key, gone: new AbortController(), others: new Map(), outcome: 'waits' };
    this.waits.push(wait);
    this.#turns.take(key, wait.gone.signal).then(
      (turn) => {
        Object.assign(wait, { outcome: 'began', turn });
        for (const other of this.#firstOfOthers(key)) other.others.set(key, (other.others.get(key) ?? 0) + 1);
      },
      () => (wait.outcome = 'gone'),
    );
  }

  #firstOfOthers(key: string): readonly Wait[] {
    const hasTurn = new Set(this.all('began', 'left').map((one) => one.key));
    return KEYS.flatMap((other) => {
      if (other === key || hasTurn.has(other)) return [];
      return this.waits.find((one) => one.key === other && one.outcome === 'waits') ?? [];
    });
  }
}

const steps = fc.array(step, { minLength: 1, maxLength: 120 });
const sizes = fc.record({ atOnce: fc.integer({ min: 1, max: 3 }), more: fc.integer({ min: 0, max: 2 }) });

test('FairTurns lets nobody wait for more than one turn of each other key, however many somebody asks for', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, steps, async ({ atOnce, more }, all) => {
      const mostOpen = atOnce + more;
      const crowd = new Crowd(new FairTurns({ atOnce, mostOpen, shareMs: SHARE_MS }));
      for (const one of all) {
        await crowd.take(one);
        for (const { others } of crowd.waits) expect(Math.max(0, ...others.values())).toBeLessThanOrEqual(1);
        const [held, open] = [crowd.all('began'), crowd.all('began', 'left')];
        expect(held.length).toBeLessThanOrEqual(atOnce);
        expect(open.length).toBeLessThanOrEqual(mostOpen);
        const keys = new Set(open.map(({ key }) => key));
        expect(keys.size).toBe(open.length);
        // Nobody waits for nothing.
        const mayBegin = crowd.all('waits').some(({ key }) => !keys.has(key));
        expect(mayBegin && held.length < atOnce && open.length < mostOpen).toBe(false);
      }
    }),
    { seed: 20_291, numRuns: 300 },
  );
});

test('FairTurns takes a newcomer before all who have had a turn, however long those have waited', async () => {
  const crowd = new Crowd(new FairTurns({ atOnce: 1, mostOpen: 1, shareMs: SHARE_MS }));
  for (const key of ['a', 'b', 'c', 'a', 'b', 'c', 'a']) await crowd.take({ what: 'ask', key });
  for (let count = 0; count < 3; count += 1) await crowd.take({ what: 'end', at: 0 });
  await crowd.take({ what: 'ask', key: 'd' });
  await crowd.take({ what: 'end', at: 0 });
  expect(crowd.all('began').map(({ key }) => key)).toEqual(['d']);
  await crowd.take({ what: 'end', at: 0 });
  expect(crowd.all('began').map(({ key }) => key)).toEqual(['b']);
});

test('FairTurns tells a turn to end that has lasted long, when another key waits, and only then', async () => {
  const turns = new FairTurns({ atOnce: 1, mostOpen: 2, shareMs: 20 });
  const { signal } = new AbortController();
  const first = await turns.take('a', signal);
  const own = turns.take('a', signal);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(first.overdue.aborted).toBe(false);
  const other = turns.take('b', signal);
  expect(first.overdue.aborted).toBe(true);
  first.end();
  const second = await other;
  expect(second.overdue.aborted).toBe(false);
  await until('its share is over, since "a" waits', () => second.overdue.aborted);
  second.end();
  (await own).end();
});

test('FairTurns takes the requests of one key in their order, and forgets those whose callers have gone', async () => {
  const turns = new FairTurns({ atOnce: 1, mostOpen: 1, shareMs: SHARE_MS });
  const crowd = new Crowd(turns);
  for (let count = 0; count < 4; count += 1) await crowd.take({ what: 'ask', key: 'a' });
  await crowd.take({ what: 'go', at: 0 });
  await crowd.take({ what: 'end', at: 0 });
  expect(crowd.waits.map(({ outcome }) => outcome)).toEqual(['ended', 'gone', 'began', 'waits']);
  const gone = AbortSignal.abort(new Error('gone before'));
  await expect(turns.take('b', gone)).rejects.toThrow('gone before');
});
