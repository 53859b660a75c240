import { EnvoyNotRunning, EnvoySilent, type Overload } from './envoy-admin.ts';
import { OverloadWatch } from './overload-watch.ts';

test('says once when an action begins, and once when it ends', async () => {
  const notified: string[] = [];
  const at = (memoryPercent: number, ...actions: string[]): Overload => ({
    memoryPercent,
    actions: new Set(actions),
  });
  const answers: (Overload | Error)[] = [
    at(40),
    at(96, 'shrink_heap', 'stop_accepting_requests'),
    new EnvoySilent('busy'),
    at(90, 'shrink_heap'),
    new EnvoyNotRunning('gone'),
  ];
  const watch = new OverloadWatch({
    overload: async () => {
      const answer = answers.shift() ?? at(0);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    memoryBytes: 512 * 1024 * 1024,
    onAction: (sentence) => notified.push(sentence),
  });
  const percents: number[] = [];
  for (const _ of Array.from({ length: 5 })) {
    await watch.check();
    percents.push(watch.memoryPercent);
  }
  expect(percents).toEqual([40, 96, 96, 90, 0]);
  expect(notified).toEqual([
    'Envoy reached 85 % of its memory (512 MB): releases unused memory to the system',
    'Envoy reached 95 % of its memory (512 MB): stops accepting requests',
    'Envoy is below 95 % of its memory (512 MB): accepts requests again',
    'Envoy is below 85 % of its memory (512 MB): no longer releases every free page',
  ]);
});
