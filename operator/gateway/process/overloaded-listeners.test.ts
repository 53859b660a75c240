import { EnvoyNotRunning } from './envoy-admin.ts';
import { deniedSentence, OverloadedListeners } from './overloaded-listeners.ts';

test('reports what is new of each listener, over restarts of Envoy and while it is away', async () => {
  const notified: (readonly [number, string | undefined])[] = [];
  const answers: (Record<string, number> | Error)[] = [
    { a: 0 },
    { a: 3 },
    { a: 3, b: 1 },
    { a: 5, b: 1 },
    new EnvoyNotRunning('gone'),
    { a: 2 },
  ];
  const listeners = new OverloadedListeners({
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
  for (const _ of Array.from({ length: 6 })) await listeners.check();
  expect(notified).toEqual([
    [3, 'a'],
    [1, 'b'],
    [2, 'a'],
    [2, 'a'],
  ]);
  expect(listeners.total).toBe(8);
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
