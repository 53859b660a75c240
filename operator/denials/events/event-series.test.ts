import fc from 'fast-check';
import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { notedDenial } from './event-of-denial.ts';
import { EventSeriesPlan, type EventWrite } from './event-series.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const WINDOW_MS = 10 * MINUTE_MS;

const podOf = (name: string, namespace = 'analytics') => ({
  ...{ apiVersion: 'v1', kind: 'Pod', name, namespace, uid: `uid-${name}` },
});

function scene() {
  const dropped: number[] = [];
  const plan = new EventSeriesPlan((denials) => dropped.push(denials));
  const writes: (EventWrite & { readonly atMs: number })[] = [];
  /** Writes what is due, and says how it went. */
  const pass = (nowMs: number, isDown = false): void => {
    for (const write of plan.due(nowMs)) {
      if (isDown) plan.failed(write, nowMs);
      else plan.done(write, { namespace: 'analytics', name: write.key }, nowMs);
      writes.push({ ...write, atMs: nowMs });
    }
  };
  return { plan, writes, pass, dropped };
}

let rows = 0;
const row = (destination: string) => {
  rows += 1;
  return notedDenial(sampleDenial(rows, { destination }));
};

test('due() has 10,000 equal denials in two writes, the second with their number', () => {
  const { plan, writes, pass } = scene();
  for (let at = 0; at < 10_000; at += 1) {
    plan.note(row('a.example'), podOf('etl-0'), at * 50);
    pass(at * 50);
  }
  pass(WINDOW_MS - 1);
  expect(writes.map(({ atMs }) => atMs)).toEqual([0, MINUTE_MS]);
  pass(WINDOW_MS);
  expect(writes.map(({ count }) => count)).toEqual([1, 1201, 10_000]);
  expect(writes.map(({ written }) => written?.name)).toEqual([undefined, writes[0]?.key, writes[0]?.key]);
});

test('raise() counts what a row of the log came to stand for', () => {
  const { plan, writes, pass } = scene();
  const denial = row('a.example');
  plan.note(denial, podOf('etl-0'), 0);
  plan.note(denial, podOf('its-owner'), 0);
  pass(0);
  plan.raise({ eventId: denial.eventId, by: 41 }, 1);
  plan.raise({ eventId: 'another', by: 7 }, 1);
  pass(MINUTE_MS);
  expect(writes.map(({ count }) => count)).toEqual([1, 1, 42, 42]);
});

test('due() limits the writes about one pod, and loses none of its denials', () => {
  const { plan, writes, pass } = scene();
  for (let at = 0; at < 100; at += 1) plan.note(row(`host-${at}.example`), podOf('scanner'), 0);
  plan.note(row('a.example'), podOf('etl-0'), 0);
  pass(0);
  const names = writes.map(({ event }) => event.regarding.name);
  expect(names.filter((name) => name === 'scanner')).toHaveLength(10);
  expect(names).toContain('etl-0');
  for (let minute = 1; minute <= 90; minute += 1) pass(minute * MINUTE_MS);
  expect(writes.reduce((sum, { count }) => sum + count, 0)).toBe(101);
});

test('due() limits the writes in one Namespace', () => {
  const { plan, writes, pass } = scene();
  for (let at = 0; at < 150; at += 1) plan.note(row('a.example'), podOf(`pod-${at}`), 0);
  plan.note(row('a.example'), podOf('other', 'elsewhere'), 0);
  pass(0);
  expect(writes.map(({ event }) => event.namespace)).toEqual([
    ...Array<string>(100).fill('analytics'),
    'elsewhere',
  ]);
});

test('failed() has a write tried again a few times, then with a new denial only', () => {
  const { plan, writes, pass, dropped } = scene();
  plan.note(row('a.example'), podOf('etl-0'), 0);
  for (let second = 0; second < 1000; second += 1) pass(second * SECOND_MS, true);
  expect(writes.map(({ atMs }) => atMs / SECOND_MS)).toEqual([0, 10, 30, 60]);
  expect(dropped).toEqual([1]);
  plan.note(row('a.example'), podOf('etl-0'), 2000 * SECOND_MS);
  pass(2000 * SECOND_MS);
  expect(writes.at(-1)).toMatchObject({ count: 1, written: undefined });
});

test(`due() never writes one series more than twice within ten minutes, and counts every denial (seed ${SEED})`, () => {
  const step = fc.record({
    afterMs: fc.constantFrom(0, 10, SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS),
    destination: fc.constantFrom('a.example', 'b.example'),
    pod: fc.constantFrom('etl-0', 'etl-1'),
  });
  const counted = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const { plan, writes, pass } = scene();
    let nowMs = 0;
    for (const { afterMs, destination, pod } of steps) {
      nowMs += afterMs;
      plan.note(row(destination), podOf(pod), nowMs);
      pass(nowMs);
    }
    for (let minute = 0; minute < 40; minute += 1) pass(nowMs + minute * MINUTE_MS);
    const series = [...Map.groupBy(writes, ({ key }) => key).values()];
    for (const own of series) {
      own.slice(2).forEach(({ atMs }, at) => {
        expect(atMs - (own[at]?.atMs ?? 0)).toBeGreaterThanOrEqual(WINDOW_MS);
      });
    }
    expect(series.reduce((sum, own) => sum + (own.at(-1)?.count ?? 0), 0)).toBe(steps.length);
  });
  fc.assert(counted, { seed: SEED, numRuns: 100 });
});
