// What the commands have in common: their exit status, and how a process of a cluster stops cleanly.
import type { Logger } from '../../lib/logger.ts';
import { OptionError } from '../../option-values.ts';

const FAILED = 1;
const USAGE = 2;

/** 0 when `work` is done; where it throws, the message goes to standard error. */
export async function exitStatus(work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof OptionError ? USAGE : FAILED;
  }
}

/** Resolves with the first of them; from then on a second one ends the process in the usual way. */
export function firstSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve(signal));
  });
}

export async function runUntilSignal(
  logger: Logger,
  start: () => Promise<{ stop(): Promise<void> }>,
): Promise<void> {
  const stopping = firstSignal(['SIGINT', 'SIGTERM']);
  const running = await start();
  await stopping;
  logger.info('stopping');
  await running.stop();
}
