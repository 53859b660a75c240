import fc from 'fast-check';
import { countedUses, type GatewayUse, LATE_MS } from './counted-uses.ts';

const MINUTE_MS = 60_000;
const AT_MS = Date.parse('2026-03-02T00:00:00Z');

const iso = (ms: number): string => new Date(ms).toISOString();

function use(gateway: string, from: number, to: number, changes: Partial<GatewayUse> = {}): GatewayUse {
  return {
    ...{ gateway, list: 'allowedInternetDestinations', entry: 'a.example.com' },
    ...{ connections: 0, firstUsed: null, lastUsed: null, missedUntilMs: undefined, hasEnded: false },
    ...{ countedFromMs: AT_MS - from * MINUTE_MS, countedToMs: AT_MS - to * MINUTE_MS },
    ...changes,
  };
}

const SPAN_MINUTES = 100;
const AT = { sinceMs: AT_MS - SPAN_MINUTES * MINUTE_MS, atMs: AT_MS, gateways: [] };

function sinceOf(reports: readonly GatewayUse[], gateways: readonly string[] = []): number | undefined {
  const [found] = countedUses(reports, { ...AT, gateways });
  return found && (AT_MS - Date.parse(found.since)) / MINUTE_MS;
}

test.each<[string, readonly GatewayUse[], number | undefined]>([
  ['one gateway since it began', [use('gw-1', 90, 0)], 90],
  [
    'gateways that took over from one another',
    [use('gw-1', 90, 30, { hasEnded: true }), use('gw-2', 31, 1)],
    90,
  ],
  [
    'not past a time in which nobody counted',
    [use('gw-1', 90, 40, { hasEnded: true }), use('gw-2', 30, 1)],
    30,
  ],
  [
    'not past what one may have missed',
    [use('gw-1', 90, 0), use('gw-2', 80, 0, { missedUntilMs: AT_MS - 20 * MINUTE_MS })],
    20,
  ],
  ['nothing of a time in which one was killed', [use('gw-1', 90, 50), use('gw-2', 90, 1)], 0],
  ['a time after which one was killed long ago', [use('gw-1', 900, 500), use('gw-2', 190, 1)], 190],
  [
    'an entry that came back, since then',
    [use('gw-1', 200, 100, { hasEnded: true }), use('gw-2', 10, 0)],
    10,
  ],
  ['nothing where the last one is gone', [use('gw-1', 90, 2, { hasEnded: true })], undefined],
  ['nothing where the last one is silent', [use('gw-1', 90, 10)], undefined],
])('countedUses() knows %s', (_, reports, minutes) => {
  expect(sinceOf(reports)).toBe(minutes);
});

test('countedUses() knows nothing of an entry that a gateway of now has not counted', () => {
  expect(sinceOf([use('gw-1', 90, 0)], ['gw-1'])).toBe(90);
  expect(sinceOf([use('gw-1', 90, 0)], ['gw-1', 'gw-2'])).toBeUndefined();
  expect(sinceOf([use('gw-1', 90, 0), use('gw-2', 90, 9)], ['gw-1', 'gw-2'])).toBeUndefined();
});

test('countedUses() knows nothing of a time that is hardly longer than what was not told yet', () => {
  const reports = [use('gw-1', 90, 1)];
  const of = (minutes: number) =>
    countedUses(reports, { ...AT, sinceMs: AT_MS - minutes * MINUTE_MS }).length;
  expect([of(10), of(9)]).toEqual([1, 0]);
});

test('countedUses() sums what gateways counted, and takes the first and the last use', () => {
  const reports = [
    use('gw-1', 90, 0, { connections: 3, firstUsed: iso(AT_MS - 9), lastUsed: iso(AT_MS - 8) }),
    use('gw-2', 90, 0, { connections: 4, firstUsed: iso(AT_MS - 7), lastUsed: iso(AT_MS - 6) }),
    use('gw-3', 90, 0),
    use('gw-1', 90, 0, { entry: 'b.example.com' }),
  ];
  expect(countedUses(reports, AT)).toMatchObject([
    { entry: 'a.example.com', connections: 7, firstUsed: iso(AT_MS - 9), lastUsed: iso(AT_MS - 6) },
    { entry: 'b.example.com', connections: 0, firstUsed: null, lastUsed: null },
  ]);
});

/** A gateway, in minutes before now: when it came and went, what was used there, and what it said. */
const story = fc
  .record({
    from: fc.integer({ min: 1, max: 300 }),
    life: fc.integer({ min: 1, max: 400 }),
    isKilled: fc.boolean(),
    usedAt: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }),
    /** A time in which the gateway could not count; 0: none. */
    blind: fc.record({ at: fc.integer({ min: 0, max: 300 }), long: fc.constantFrom(0, 0, 2, 30) }),
    /** Minutes for which it was cut off from the collector at the end. */
    cutOff: fc.constantFrom(0, 0, 0, 1, 10, 40),
  })
  .map(({ from, life, isKilled, usedAt, blind, cutOff }) => {
    const to = Math.max(0, from - life);
    const isBlind = (minute: number): boolean =>
      minute <= Math.min(from, blind.at) && minute > blind.at - blind.long;
    const counted = Array.from({ length: from - to + 1 }, (_, at) => to + at).filter((at) => !isBlind(at));
    const uses = usedAt.filter((minute) => minute <= from && minute >= to);
    // It says up to when it has counted, and notices that it was blind when it counts again.
    const saidAt = counted.find((minute) => minute >= to + cutOff);
    const noticed = counted.findLast((minute) => minute < blind.at - blind.long + 1 && blind.at <= from);
    const missedUntil =
      blind.long > 0 && saidAt !== undefined && noticed !== undefined && noticed >= saidAt
        ? noticed
        : undefined;
    const hasSaidEnd = !isKilled && to > 0 && saidAt === to;
    return { from, to, uses, isBlind, saidAt, missedUntil, hasSaidEnd };
  });

type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

function reportOf(
  { from, uses, isBlind, saidAt, missedUntil, hasSaidEnd }: Story,
  at: number,
): readonly GatewayUse[] {
  if (saidAt === undefined) return [];
  const known = uses.filter((minute) => minute >= saidAt && !isBlind(minute));
  const lastUsed = known.length === 0 ? null : iso(AT_MS - Math.min(...known) * MINUTE_MS);
  const missed = missedUntil === undefined ? {} : { missedUntilMs: AT_MS - missedUntil * MINUTE_MS };
  const changes = { connections: known.length, lastUsed, hasEnded: hasSaidEnd, ...missed };
  return [use(`gw-${at}`, missedUntil ?? from, saidAt, changes)];
}

/** Nobody can know of one that went unseen: cut off since before the time that is asked for, and gone. */
function isUnseen({ from, to, saidAt, hasSaidEnd }: Story): boolean {
  if (hasSaidEnd || to === 0) return false;
  return (saidAt ?? from + 1) > SPAN_MINUTES && to < SPAN_MINUTES;
}

test('countedUses() never lets an entry look unused in a time in which a gateway let it through', () => {
  let judged = 0;
  fc.assert(
    fc.property(fc.array(story, { minLength: 1, maxLength: 4 }), (stories) => {
      fc.pre(!stories.some((one) => isUnseen(one) || one.saidAt === undefined));
      const gateways = stories.flatMap(({ to }, at) => (to === 0 ? [`gw-${at}`] : []));
      const [found] = countedUses(stories.flatMap(reportOf), { ...AT, gateways });
      if (found === undefined || Date.parse(found.since) > AT.sinceMs) return;
      judged += 1;
      const used = stories
        .flatMap(({ uses }) => uses.map((minute) => AT_MS - minute * MINUTE_MS))
        // What was used in the last minutes is not known yet.
        .filter((ms) => ms >= AT.sinceMs && ms < AT_MS - LATE_MS);
      const lastMs = found.lastUsed === null ? Number.NEGATIVE_INFINITY : Date.parse(found.lastUsed);
      expect(Math.max(Number.NEGATIVE_INFINITY, ...used)).toBeLessThanOrEqual(lastMs);
    }),
    { seed: 20261129, numRuns: 5000 },
  );
  expect(judged).toBeGreaterThan(200);
});
