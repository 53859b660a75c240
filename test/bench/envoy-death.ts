// A flood of denials during which Envoy is killed: which of the answered ones are not in the log? Envoy writes its log
// in the background, so what it had not written yet is lost with it, and nothing else may be.
import { WORKSPACE } from './bench-folder.ts';
import { countDenials, gapsOf, settledRows, storedNames } from './denial-count.ts';
import { type FloodTally, flood } from './denial-flood.ts';
import { type FloodedOptions, startFlooded } from './flooded-sallyport.ts';
import { type SallyportProcess, until } from './sallyport-process.ts';

export interface EnvoyDeath {
  readonly asked: number;
  readonly answered: number;
  readonly unanswered: number;
  /** Answered, but not stored. */
  readonly missing: number;
  /** How long before the kill the first of the missing was answered; 0 where none is missing. */
  readonly oldestMissingMs: number;
  /** From the kill until the next Envoy answered. */
  readonly outageMs: number;
  readonly gaps: number;
}

const KILLED_AT = 0.3;
const LIMIT_MS = 30_000;

export async function surviveEnvoyDeath(options: FloodedOptions): Promise<EnvoyDeath> {
  const sallyport = await startFlooded(options);
  try {
    return await floodAndKill(sallyport, options.denials);
  } finally {
    await sallyport.stop();
  }
}

async function floodAndKill(sallyport: SallyportProcess, asked: number): Promise<EnvoyDeath> {
  const proxy = await sallyport.proxy(WORKSPACE);
  const pid = await sallyport.envoyPid();
  let killedMs: number | undefined;
  const onAnswer = (answered: number): void => {
    if (answered < asked * KILLED_AT || killedMs !== undefined) return;
    process.kill(pid, 'SIGKILL');
    killedMs = performance.now();
  };
  const tally = await flood({ proxy, from: 1, to: asked + 1, onAnswer });
  await untilStored(sallyport, tally);
  const stored = await storedNames(sallyport);
  const atMs = killedMs ?? Number.NaN;
  const missing = [...tally.answeredMs]
    .filter(([name]) => !stored.has(name))
    .map(([, answeredMs]) => answeredMs);
  return {
    asked,
    answered: tally.answeredMs.size,
    unanswered: tally.unanswered,
    missing: missing.length,
    oldestMissingMs: missing.length === 0 ? 0 : atMs - Math.min(...missing),
    outageMs: longestPauseMs([...tally.answeredMs.values()]),
    gaps: gapsOf(await countDenials(sallyport)),
  };
}

/** The last answer is stored, and with it all that came before it. */
async function untilStored(sallyport: SallyportProcess, { answeredMs }: FloodTally): Promise<void> {
  const [last = ''] = [...answeredMs.keys()].slice(-1);
  await until(async () => (await storedNames(sallyport)).has(last), `"${last}" in the denial log`, LIMIT_MS);
  await settledRows(sallyport, answeredMs.size);
}

/** Answers come all the time but while no Envoy runs. */
function longestPauseMs(momentsMs: readonly number[]): number {
  return momentsMs.reduce((longest, ms, at) => Math.max(longest, ms - (momentsMs[at - 1] ?? ms)), 0);
}
