import type { ReportedDenials } from '../../deliver/kubernetes/gateway-reporter.ts';
import { UnsentReport } from './unsent-report.ts';

/** Runs the loop of a report for so many seconds, of which each says how long lines have waited. */
async function timesReported(
  lags: readonly number[],
  reportLastDenials: (denials: ReportedDenials) => Promise<void> = async () => undefined,
): Promise<readonly number[]> {
  let nowMs = 1_000_000;
  const startMs = nowMs;
  let timer: { readonly atMs: number; readonly callback: () => void } | undefined;
  const times: number[] = [];
  const second = (): number => Math.round((nowMs - startMs) / 1000);
  const report = new UnsentReport({
    log: { recordedDenials: async () => ({ recorded: 7, unsent: 5 }) },
    stateOf: async () => ({ bytes: 1, lagSeconds: lags[second()] ?? 0 }),
    reporter: {
      reportDenials: (denials: ReportedDenials) => void (denials.unsent === 5 && times.push(second())),
      reportLastDenials,
    },
    logger: { warn: () => undefined },
    clock: {
      nowMs: () => nowMs,
      setTimer: (delayMs, callback) => {
        timer = { atMs: nowMs + delayMs, callback };
        return () => void (timer = undefined);
      },
    },
  });
  report.start();
  for (; second() < lags.length; nowMs += 500) {
    const due = timer;
    if (due !== undefined && due.atMs <= nowMs) {
      timer = undefined;
      due.callback();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await report.stop();
  return times;
}

const seconds = (many: number, lag: number): number[] => Array.from({ length: many }, () => lag);

test('reports every ten seconds while rows are taken, and every two while nobody takes them', async () => {
  expect(await timesReported(seconds(25, 1))).toEqual([0, 10, 20]);
  expect(await timesReported([...seconds(11, 0), ...seconds(9, 4), ...seconds(13, 0)])).toEqual([
    ...[0, 10, 12, 14, 16, 18, 28],
  ]);
});

test('reports what waits as soon as it is stopped', async () => {
  const last: ReportedDenials[] = [];
  await timesReported(seconds(3, 0), async (denials) => void last.push(denials));
  expect(last).toEqual([{ recorded: 7, unsent: 5 }]);
});
