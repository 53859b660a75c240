import fc from 'fast-check';
import { ConnectionShares } from './connection-shares.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const SHARE = 1000;
const MOST = 400;
const NAMES = Array.from({ length: 8 }, (_, at) => `tls-${at}`);

/** What clients do to each listener: before a new limit is in force, and after it. */
const STEP = fc.array(
  fc.record({
    before: fc.double({ min: 0, max: 1, noNaN: true }),
    after: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  {
    minLength: NAMES.length,
    maxLength: NAMES.length,
  },
);

test(`check() never lets a workspace have more than its share, whatever clients do meanwhile (seed ${SEED})`, () => {
  const holds = fc.property(
    fc.integer({ min: 1, max: 8 }),
    fc.array(STEP, { maxLength: 12 }),
    (count, steps) => {
      const shares = new ConnectionShares({ share: SHARE, most: MOST });
      const names = NAMES.slice(0, count);
      const active = new Map(names.map((name) => [name, 0]));
      const fill = (limits: ReadonlyMap<string, number>, part: (at: number) => number): void => {
        for (const [at, name] of names.entries()) {
          const has = active.get(name) ?? 0;
          const limit = limits.get(name) ?? 0;
          // Some leave, or as many come as may.
          active.set(
            name,
            part(at) < 0.3 ? Math.floor(has * part(at)) : Math.max(has, Math.floor(limit * part(at))),
          );
        }
      };
      shares.serve(new Map([['lab', names.slice(0, Math.ceil(count / 2))]]));
      for (const [at, step] of steps.entries()) {
        if (at === 2) shares.serve(new Map([['lab', names]]));
        const seen = new Map(active);
        const old = shares.limits;
        shares.check(seen);
        fill(old, (index) => step[index]?.before ?? 0);
        fill(shares.limits, (index) => step[index]?.after ?? 0);
        expect([...active.values()].reduce((total, one) => total + one, 0)).toBeLessThanOrEqual(SHARE);
        for (const limit of shares.limits.values()) expect(limit).toBeLessThanOrEqual(MOST);
      }
    },
  );
  fc.assert(holds, { seed: SEED, numRuns: 2000 });
});

test('check() gives the busy one what the others do not use, within a few polls', () => {
  const shares = new ConnectionShares({ share: SHARE, most: MOST });
  shares.serve(new Map([['lab', NAMES]]));
  expect(shares.limits.get('tls-0')).toBe(109);
  let plannedChecks = 0;
  for (; plannedChecks < 10 && shares.limits.get('tls-0') !== MOST; plannedChecks += 1)
    shares.check(new Map([['tls-0', shares.limits.get('tls-0') ?? 0]]));
  expect(plannedChecks).toBeLessThanOrEqual(3);
});

test('check() changes nothing where nobody is near a limit', () => {
  const shares = new ConnectionShares({ share: SHARE, most: MOST });
  shares.serve(new Map([['lab', NAMES]]));
  expect(shares.check(new Map([['tls-0', 50]]))).toBe(false);
});

test('serve() knows each workspace for itself, and leaves at least one connection to each listener', () => {
  const shares = new ConnectionShares({ share: 4, most: MOST });
  shares.serve(
    new Map([
      ['lab', NAMES],
      ['other', ['tls-x']],
    ]),
  );
  expect([...shares.limits.values()]).toEqual([...NAMES.map(() => 1), 3]);
});
