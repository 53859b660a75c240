import fc from 'fast-check';
import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import type { ObjectReference } from '../../lib/kubernetes/api-object.ts';
import { notedDenial } from './event-of-denial.ts';
import { EventSeriesPlan } from './event-series.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const WINDOW_MS = 10 * MINUTE_MS;
const MOST_SERIES = 20_000;

const podOf = (name: string, namespace = 'analytics'): ObjectReference => ({
  ...{ apiVersion: 'v1', kind: 'Pod', name, namespace, uid: `uid-${name}` },
});

interface Written {
  readonly isShared: boolean;
  readonly name: string;
}

interface SeenWrite {
  readonly atMs: number;
  readonly tenant: string;
  readonly pod: string;
  readonly key: string;
  readonly count: number;
  readonly before: string | undefined;
  readonly note: string;
}

type Answer = 'done' | 'shared' | 'failed' | 'refused';

function scene() {
  const dropped: number[] = [];
  const plan = new EventSeriesPlan<Written>((denials) => dropped.push(denials));
  const writes: SeenWrite[] = [];
  /** Writes what is due, and says how it went. */
  const pass = (nowMs: number, answer: Answer = 'done'): void => {
    for (const write of plan.due(nowMs)) {
      const { event, tenant, written } = write.series;
      const { name, uid } = event.regarding;
      const key = `${uid} ${write.series.key}`;
      if (answer === 'failed') plan.failed(write, true);
      else if (answer === 'refused') plan.refused(write, nowMs);
      else plan.done(write, { isShared: answer === 'shared', name: key }, nowMs);
      const { count } = write;
      writes.push({ atMs: nowMs, tenant, pod: name, key, count, before: written?.name, note: event.note });
    }
  };
  const note = (destination: string, regarding: ObjectReference, nowMs: number, repeats = 1) => {
    const denials = row(destination, repeats);
    plan.note({ denials, regarding, tenant: regarding.namespace ?? '', isCounted: true }, nowMs);
    return denials;
  };
  const droppedCount = (): number => dropped.reduce((sum, one) => sum + one, 0);
  return { plan, writes, pass, note, droppedCount };
}

let rows = 0;
const row = (destination: string, repeats: number) => {
  rows += 1;
  return notedDenial(sampleDenial(rows, { destination, repeats }));
};

/** The last count of each series. */
function countedIn(writes: readonly SeenWrite[]): number {
  const series = [...Map.groupBy(writes, ({ key }) => key).values()];
  return series.reduce((sum, own) => sum + (own.at(-1)?.count ?? 0), 0);
}

test('due() has 10,000 equal denials in two writes, the second with their number', () => {
  const { note, writes, pass } = scene();
  for (let at = 0; at < 10_000; at += 1) {
    note('a.example', podOf('etl-0'), at * 50);
    pass(at * 50);
  }
  pass(WINDOW_MS - 1);
  expect(writes.map(({ atMs }) => atMs)).toEqual([0, MINUTE_MS]);
  pass(WINDOW_MS);
  expect(writes.map(({ count }) => count)).toEqual([1, 1201, 10_000]);
  expect(writes.map(({ before }) => before)).toEqual([undefined, writes[0]?.key, writes[0]?.key]);
});

test('raise() counts what a row of the log came to stand for, and says where nobody counts it', () => {
  const { plan, writes, pass, droppedCount } = scene();
  const denials = row('a.example', 1);
  for (const [name, isCounted] of [['etl-0', true] as const, ['its-owner', false] as const])
    plan.note({ denials, regarding: podOf(name), tenant: 'analytics', isCounted }, 0);
  plan.ignore('of-no-pod');
  pass(0);
  plan.raise({ eventId: denials.eventIds[0] ?? '', by: 41 }, 1);
  plan.raise({ eventId: 'of-no-pod', by: 3 }, 1);
  expect(droppedCount()).toBe(0);
  plan.raise({ eventId: 'before-the-start', by: 7 }, 1);
  pass(MINUTE_MS);
  expect(writes.map(({ count }) => count)).toEqual([1, 1, 42, 42]);
  expect(droppedCount()).toBe(7);
});

test('10,000 destinations of one pod are few series, one of them for the rest, and all are counted', () => {
  const { plan, note, writes, pass, droppedCount } = scene();
  for (let at = 0; at < 10_000; at += 1) note(`host-${at}.example`, podOf('scanner'), 0);
  note('a.example', podOf('etl-0'), 0);
  pass(0);
  expect(plan.size).toBe(22);
  expect(writes.filter(({ pod }) => pod === 'scanner')).toHaveLength(10);
  expect(writes.map(({ pod }) => pod)).toContain('etl-0');
  for (let minute = 1; minute <= 40; minute += 1) pass(minute * MINUTE_MS);
  expect([countedIn(writes), droppedCount()]).toEqual([10_001, 0]);
  expect(writes.find(({ count }) => count > 9000)?.note).toContain('destinations of which there is no Event');
});

test('an object with many series has room for a new one when the Event of another is gone', () => {
  const { note, writes, pass } = scene();
  for (let at = 0; at < 20; at += 1) note(`host-${at}.example`, podOf('etl-0'), 0);
  for (let minute = 0; minute <= 60; minute += 1) pass(minute * MINUTE_MS);
  note('new.example', podOf('etl-0'), 61 * MINUTE_MS);
  pass(61 * MINUTE_MS);
  expect(writes.at(-1)?.note).toContain('new.example:443');
});

test('due() limits the writes of one tenant and altogether; nobody waits for the tenants that flood', () => {
  const { note, writes, pass } = scene();
  const flooding = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
  const flood = (nowMs: number): void => {
    for (const tenant of flooding)
      for (let at = 0; at < 200; at += 1) note(`${nowMs}.example`, podOf(`${tenant}-${at}`, tenant), nowMs);
  };
  flood(0);
  pass(0);
  expect(writes).toHaveLength(300);
  for (let second = 1; second <= 300; second += 1) {
    if (second % 10 === 0) flood(second * SECOND_MS);
    pass(second * SECOND_MS);
  }
  note('a.example', podOf('etl-0', 'quiet'), 301 * SECOND_MS);
  for (let second = 301; second <= 303; second += 1) pass(second * SECOND_MS);
  const quiet = writes.filter(({ tenant }) => tenant === 'quiet');
  expect(quiet).toMatchObject([{ pod: 'etl-0', count: 1 }]);
  expect(quiet[0]?.atMs).toBeLessThanOrEqual(302 * SECOND_MS);
  const perTenant = [...Map.groupBy(writes, ({ tenant }) => tenant).values()].map(({ length }) => length);
  expect(writes.length).toBeLessThanOrEqual(300 + 303);
  expect(Math.max(...perTenant)).toBeLessThanOrEqual(100 + 303 / 6);
});

test('a plan that is full forgets series of whoever has most, and says what it has not counted', () => {
  const { plan, note, writes, pass, droppedCount } = scene();
  for (let at = 0; at < 10; at += 1) note('a.example', podOf(`quiet-${at}`, 'quiet'), 0);
  for (let at = 0; at < MOST_SERIES + 500; at += 1) note('a.example', podOf(`pod-${at}`, 'flooding'), 0);
  expect(plan.size).toBe(MOST_SERIES);
  expect(droppedCount()).toBe(510);
  pass(0);
  expect(writes.filter(({ tenant }) => tenant === 'quiet')).toHaveLength(10);
});

test('failed() has a write tried again until it is done, with what came meanwhile', () => {
  const { note, writes, pass, droppedCount } = scene();
  note('a.example', podOf('etl-0'), 0);
  for (let minute = 0; minute < 30; minute += 1) pass(minute * MINUTE_MS, 'failed');
  note('a.example', podOf('etl-0'), 30 * MINUTE_MS);
  pass(30 * MINUTE_MS);
  pass(31 * MINUTE_MS);
  expect(writes.slice(30)).toMatchObject([{ count: 2, before: undefined }]);
  expect(droppedCount()).toBe(0);
});

test('refused() has nothing of the series written within the window, and says what is not counted', () => {
  const { note, writes, pass, droppedCount } = scene();
  for (let second = 0; second < 700; second += 1) {
    note('a.example', podOf('etl-0'), second * SECOND_MS);
    pass(second * SECOND_MS, 'refused');
  }
  expect(writes.map(({ atMs }) => atMs)).toEqual([0, WINDOW_MS]);
  expect(droppedCount()).toBe(601);
});

test('done() of a series that another process writes, too, has no second write in the window', () => {
  const { note, writes, pass } = scene();
  for (let second = 0; second < 1300; second += 1) {
    note('a.example', podOf('etl-0'), second * SECOND_MS);
    pass(second * SECOND_MS, 'shared');
  }
  expect(writes.map(({ atMs }) => atMs)).toEqual([0, WINDOW_MS, 2 * WINDOW_MS]);
});

const step = fc.record({
  afterMs: fc.constantFrom(0, 10, SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS),
  destination: fc.constantFrom('a.example', 'b.example', ...Array.from({ length: 30 }, (_, at) => `${at}.e`)),
  pod: fc.constantFrom('etl-0', 'etl-1'),
  repeats: fc.constantFrom(1, 1, 1000),
  answer: fc.constantFrom<Answer>('done', 'done', 'done', 'failed', 'refused'),
});

test(`due() never writes one series more than twice within ten minutes; all is counted or said to be dropped (seed ${SEED})`, () => {
  const counted = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const { note, writes, pass, droppedCount } = scene();
    let nowMs = 0;
    for (const { afterMs, destination, pod, repeats, answer } of steps) {
      nowMs += afterMs;
      note(destination, podOf(pod), nowMs, repeats);
      const before = writes.length;
      pass(nowMs, answer);
      // A failure is no write.
      if (answer === 'failed') writes.length = before;
    }
    for (let minute = 0; minute < 60; minute += 1) pass(nowMs + minute * MINUTE_MS);
    for (const own of Map.groupBy(writes, ({ key }) => key).values()) {
      own.slice(2).forEach(({ atMs }, at) => {
        expect(atMs - (own[at]?.atMs ?? 0)).toBeGreaterThanOrEqual(WINDOW_MS);
      });
    }
    const asked = steps.reduce((sum, { repeats }) => sum + repeats, 0);
    expect(countedIn(writes)).toBeLessThanOrEqual(asked);
    expect(countedIn(writes) + droppedCount()).toBeGreaterThanOrEqual(asked);
  });
  fc.assert(counted, { seed: SEED, numRuns: 100 });
});
