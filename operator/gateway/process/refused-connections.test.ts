import { EnvoyNotRunning } from './envoy-admin.ts';
import { RefusedConnections } from './refused-connections.ts';

test('tells what is new of each listener, over restarts of Envoy and while it is away', async () => {
  const told: (readonly [number, string])[] = [];
  const answers: (Record<string, number> | Error)[] = [
    { a: 0 },
    { a: 3 },
    { a: 3, b: 1 },
    { a: 5, b: 1 },
    new EnvoyNotRunning('gone'),
    { a: 2 },
  ];
  const refused = new RefusedConnections({
    counted: async () => {
      const answer = answers.shift() ?? {};
      if (answer instanceof Error) throw answer;
      return new Map(Object.entries(answer));
    },
    onRefused: (...words) => told.push(words),
    onFailure: (error) => {
      throw error;
    },
  });
  for (const _ of Array.from({ length: 6 })) await refused.look();
  expect(told).toEqual([
    [3, 'a'],
    [1, 'b'],
    [2, 'a'],
    [2, 'a'],
  ]);
  expect(refused.total).toBe(8);
});
