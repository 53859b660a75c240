import fc from 'fast-check';
import { UnwrittenLines } from './unwritten-lines.ts';

const PAUSE_MS = 10_000;

/** Of each pause: lines that come, of these how many are lost, and how many are still on their way at its end. */
const pauses = fc.array(
  fc.record({ lines: fc.nat({ max: 500 }), lost: fc.nat({ max: 100 }), onTheirWay: fc.nat({ max: 50 }) }),
  { minLength: 1, maxLength: 20 },
);

function noted(history: readonly { lines: number; lost: number; onTheirWay: number }[], before: number) {
  const lines = new UnwrittenLines();
  let accepted = before;
  let lost = 0;
  let read = 0;
  let known = lines.note({ read, accepted, failed: 0, lagMs: 0, atMs: 0 });
  const overstated: boolean[] = [];
  const pause = (more: { lines: number; lost: number; onTheirWay: number }, at: number): void => {
    accepted += more.lines + more.lost;
    lost += more.lost;
    read = accepted - before - lost - Math.min(more.onTheirWay, more.lines);
    known += lines.note({ read, accepted, failed: 1, lagMs: 0, atMs: at * PAUSE_MS });
    overstated.push(known > lost);
  };
  for (const [index, more] of history.entries()) pause(more, index + 1);
  pause({ lines: 0, lost: 0, onTheirWay: 0 }, history.length + 1);
  return { known, lost, isOverstated: overstated.includes(true) };
}

test('note() says all that is missing once nothing is on its way, and never more than that', () => {
  fc.assert(
    fc.property(pauses, fc.nat(), (history, before) => {
      const { known, lost, isOverstated } = noted(history, before);
      expect(isOverstated).toBe(false);
      expect(known).toBe(lost);
    }),
    { seed: 16 },
  );
});

test('note() waits for a reader that is behind', () => {
  const lines = new UnwrittenLines();
  lines.note({ read: 0, accepted: 0, failed: 1, lagMs: 0, atMs: 0 });
  lines.note({ read: 0, accepted: 90, failed: 1, lagMs: 9000, atMs: PAUSE_MS });
  expect(lines.note({ read: 50, accepted: 90, failed: 1, lagMs: 9000, atMs: 2 * PAUSE_MS })).toBe(0);
  expect(lines.note({ read: 60, accepted: 90, failed: 1, lagMs: 0, atMs: 3 * PAUSE_MS })).toBe(30);
});

test('note() says nothing while no write has failed', () => {
  const lines = new UnwrittenLines();
  lines.note({ read: 0, accepted: 0, failed: 0, lagMs: 0, atMs: 0 });
  lines.note({ read: 0, accepted: 90, failed: 0, lagMs: 0, atMs: PAUSE_MS });
  expect(lines.note({ read: 60, accepted: 90, failed: 0, lagMs: 0, atMs: 2 * PAUSE_MS })).toBe(0);
});

test('note() begins anew where the writer does', () => {
  const lines = new UnwrittenLines();
  lines.note({ read: 0, accepted: 1000, failed: 0, lagMs: 0, atMs: 0 });
  lines.note({ read: 40, accepted: 1050, failed: 0, lagMs: 0, atMs: PAUSE_MS });
  expect(lines.note({ read: 45, accepted: 5, failed: 0, lagMs: 0, atMs: 2 * PAUSE_MS })).toBe(5);
  lines.note({ read: 45, accepted: 25, failed: 1, lagMs: 0, atMs: 3 * PAUSE_MS });
  expect(lines.note({ read: 45, accepted: 25, failed: 1, lagMs: 0, atMs: 4 * PAUSE_MS })).toBe(20);
});
