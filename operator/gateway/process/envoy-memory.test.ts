import { totalmem } from 'node:os';
import { envoyMemoryBytes } from './envoy-memory.ts';

const MB = 1024 * 1024;

test.each([
  [512, 4096 * MB, 512],
  [undefined, 4096 * MB, 2048],
  [undefined, 100 * MB, 64],
])('envoyMemoryBytes(%s) with %s bytes for all is %s MB', (wantedMb, thereAre, mb) => {
  expect(envoyMemoryBytes(wantedMb, thereAre)).toBe(mb * MB);
});

test('envoyMemoryBytes() takes no more than half of this machine, whatever its limits', () => {
  expect(envoyMemoryBytes(undefined)).toBeLessThanOrEqual(totalmem() / 2);
  expect(envoyMemoryBytes(undefined)).toBeGreaterThanOrEqual(64 * MB);
});
