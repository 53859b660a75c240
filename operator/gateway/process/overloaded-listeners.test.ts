import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvoyNotRunning } from './envoy-admin.ts';
import { deniedSentence, OverloadedListeners } from './overloaded-listeners.ts';

type Counted = Readonly<Record<string, number>>;

let folder: string;
let notified: (readonly [number, string | undefined])[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-denied-'));
  notified = [];
});

afterEach(() => rm(folder, { recursive: true }));

/** A process whose Envoy gives these answers, one after the other. */
function made(isAdopted: boolean, answers: (Counted | Error)[]): OverloadedListeners {
  return new OverloadedListeners({
    path: join(folder, 'denied.json'),
    isAdopted: () => isAdopted,
    counted: async () => {
      const answer = answers.shift() ?? {};
      if (answer instanceof Error) throw answer;
      const counters = Object.entries(answer);
      return new Map(
        counters.map(([listener, connections]) => [listener, { listener, connections, isOverloaded: false }]),
      );
    },
    onDenied: ({ connections, listener }) => notified.push([connections, listener]),
  });
}

test('reports what is new of each listener, over restarts of Envoy and while it is away', async () => {
  const gone = new EnvoyNotRunning('gone');
  const listeners = made(false, [{ a: 0 }, { a: 3 }, { a: 3, b: 1 }, { a: 5, b: 1 }, gone, { a: 2 }]);
  for (const _ of Array.from({ length: 6 })) await listeners.check();
  expect(notified).toEqual([
    [3, 'a'],
    [1, 'b'],
    [2, 'a'],
    [2, 'a'],
  ]);
  expect(listeners.total).toBe(8);
});

test('a process that takes over an Envoy reports what the former one has not, and none reports it twice', async () => {
  await made(false, [{ a: 3 }]).check();
  const next = made(true, [{ a: 5 }, { a: 5, b: 1 }]);
  await next.check();
  await next.check();
  await made(true, [{ a: 5, b: 1 }]).check();
  await made(false, [{ a: 6 }]).check();
  expect(notified).toEqual([
    [3, 'a'],
    [2, 'a'],
    [1, 'b'],
    [6, 'a'],
  ]);
});

test('a process that takes over an Envoy of a former release counts from then on', async () => {
  const listeners = made(true, [{ a: 5 }, { a: 7 }]);
  await listeners.check();
  await listeners.check();
  expect(notified).toEqual([[2, 'a']]);
});

test.each([
  [undefined, false, 'it has as many open as it may, and takes no more'],
  ['tls-a', false, '"tls-a" has as many open as it may, and takes no more'],
  ['tls-a', true, 'its memory is nearly used up'],
])('deniedSentence() of listener %s, overloaded: %s', (listener, isOverloaded, why) => {
  expect(deniedSentence({ listener, isOverloaded, connections: 7 })).toBe(
    `Envoy closed 7 connections at once: ${why}`,
  );
});
