import type { RestartEvent } from '../../render/kubernetes/restart-events.ts';
import { RestartQueue } from './restart-queue.ts';

function event(subject: string, changes: Partial<RestartEvent> = {}): RestartEvent {
  const regarding = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: subject,
    namespace: 'team',
    uid: subject,
  };
  return {
    ...{ namespace: 'team', regarding, type: 'Warning', reason: 'RestartRequired', note: '', subject },
    ...{ id: subject, rank: 0, ...changes },
  };
}

function subjects(queue: RestartQueue, most = 10): readonly string[] {
  return queue.take(most).map(({ subject, reason }) => `${subject} ${reason}`);
}

const DONE = { reason: 'RestartCompleted', type: 'Normal' } as const;

test('the worst comes first: what is more open, and the first of each workspace', () => {
  const queue = new RestartQueue(() => undefined);
  queue.add(event('stricter', { type: 'Normal' }));
  queue.add(event('second', { rank: 1 }));
  queue.add(event('first'));
  queue.add(event('other'));
  expect(subjects(queue, 3)).toEqual(['first', 'other', 'second'].map((one) => `${one} RestartRequired`));
  expect([subjects(queue), queue.size]).toEqual([['stricter RestartRequired'], 0]);
});

test('what is no longer so is not said, and of several the last is', () => {
  const queue = new RestartQueue(() => undefined);
  queue.add(event('a'));
  queue.add(event('a', DONE));
  expect(queue.size).toBe(0);
  queue.add(event('b', { id: 'old' }));
  queue.add(event('b', { id: 'new' }));
  expect(queue.take(2).map(({ id }) => id)).toEqual(['new']);
  queue.add(event('c', DONE));
  queue.add(event('c'));
  expect(subjects(queue)).toEqual(['c RestartRequired']);
});

test('one that could not be written waits again, unless there is news of it', () => {
  const queue = new RestartQueue(() => undefined);
  queue.add(event('a'));
  const [taken] = queue.take(1);
  queue.add(event('a', DONE));
  queue.putBack(taken ?? event('none'));
  expect(subjects(queue)).toEqual(['a RestartCompleted']);
  queue.putBack(event('b'));
  expect(subjects(queue)).toEqual(['b RestartRequired']);
});

test('the end is said of what people may have read, though it could not be written, or must restart again', () => {
  const queue = new RestartQueue(() => undefined);
  queue.putBack(event('late'));
  queue.add(event('late', DONE));
  expect(subjects(queue)).toEqual(['late RestartCompleted']);
  for (const changes of [DONE, {}, DONE]) queue.add(event('again', changes));
  expect(subjects(queue)).toEqual(['again RestartCompleted']);
  for (const changes of [{}, DONE]) queue.add(event('again', changes));
  expect(queue.size).toBe(0);
});

test('those for which there is no room are handed over, to be counted', () => {
  let dropped = 0;
  const queue = new RestartQueue(() => void (dropped += 1));
  for (let at = 0; at < 20_010; at += 1) queue.add(event(String(at)));
  expect([queue.size, dropped]).toEqual([20_000, 10]);
  queue.clear();
  expect([queue.size, queue.take(1)]).toEqual([0, []]);
});
