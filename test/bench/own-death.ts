// A flood of denials during which our process is killed and started again: is every one stored exactly once?
import { WORKSPACE } from './bench-folder.ts';
import { countDenials, type DenialCount, gapsOf, settledRows } from './denial-count.ts';
import { flood } from './denial-flood.ts';
import { type FloodedOptions, startFlooded } from './flooded-sallyport.ts';
import { HighWater } from './high-water.ts';
import type { SallyportProcess } from './sallyport-process.ts';

export interface OwnDeath extends DenialCount {
  readonly asked: number;
  readonly answered: number;
  readonly gaps: number;
  readonly duplicates: number;
  readonly rotations: number;
  readonly answersPerSecond: number;
  /** From the first request until the last row was stored, the restart included. */
  readonly rowsPerSecond: number;
  readonly highestMb: number;
  readonly envoyHighestMb: number;
}

const KILLED_AT = 0.3;

export async function surviveOwnDeath(options: FloodedOptions): Promise<OwnDeath> {
  const sallyport = await startFlooded(options);
  try {
    const envoyPid = await sallyport.envoyPid();
    const own = HighWater.start(() => sallyport.pid);
    const envoy = HighWater.start(() => envoyPid);
    const findings = await floodAndKill(sallyport, options.denials);
    return { ...findings, highestMb: own.stop(), envoyHighestMb: envoy.stop() };
  } finally {
    await sallyport.stop();
  }
}

async function floodAndKill(
  sallyport: SallyportProcess,
  asked: number,
): Promise<Omit<OwnDeath, 'highestMb' | 'envoyHighestMb'>> {
  let restarted: Promise<void> | undefined;
  const onAnswer = (answered: number): void => {
    if (answered >= asked * KILLED_AT) restarted ??= restart(sallyport);
  };
  const proxy = await sallyport.proxy(WORKSPACE);
  const startMs = performance.now();
  const { answeredMs, seconds } = await flood({ proxy, from: 1, to: asked + 1, onAnswer });
  await restarted;
  const storedMs = await settledRows(sallyport, answeredMs.size);
  const count = await countDenials(sallyport);
  return {
    ...count,
    asked,
    answered: answeredMs.size,
    gaps: gapsOf(count),
    duplicates: count.rows - count.distinctNames,
    rotations: await sallyport.rotations(),
    answersPerSecond: answeredMs.size / seconds,
    rowsPerSecond: (count.rows * 1000) / (storedMs - startMs),
  };
}

async function restart(sallyport: SallyportProcess): Promise<void> {
  await sallyport.kill();
  await sallyport.start();
}
