import { until } from '../../../test/support/until.ts';
import { ClockLog } from './clock-log.ts';

test('gateways whose clocks are wrong are named at once, later ones together, ten at most', async () => {
  const lines: unknown[] = [];
  const log = new ClockLog({ warn: (_message, fields) => void lines.push(fields) }, 50);
  log.corrected('right', 0);
  log.corrected('gw-0', 2);
  for (let at = 1; at <= 20; at += 1) log.corrected(`gw-${at % 15}`, 1);
  await until('the later ones are named', async () => lines.length === 2);
  const later = Array.from({ length: 10 }, (_, at) => `gw-${at + 1}`);
  expect(lines).toEqual([
    { rows: 2, gateways: ['gw-0'] },
    { rows: 20, gateways: later },
  ]);
});
