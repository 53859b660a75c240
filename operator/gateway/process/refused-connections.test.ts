import { EnvoyNotRunning } from './envoy-admin.ts';
import { RefusedConnections } from './refused-connections.ts';

test('tells what is new, over restarts of Envoy and while it is away', async () => {
  const told: number[] = [];
  const answers: (number | Error)[] = [0, 3, 3, 5, new EnvoyNotRunning('gone'), 2];
  const refused = new RefusedConnections({
    counted: async () => {
      const answer = answers.shift() ?? 0;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onRefused: (connections) => told.push(connections),
    onFailure: (error) => {
      throw error;
    },
  });
  for (const _ of Array.from({ length: 6 })) await refused.look();
  expect(told).toEqual([3, 2, 2]);
  expect(refused.total).toBe(7);
});
