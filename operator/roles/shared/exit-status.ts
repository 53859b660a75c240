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

/** Tells a gateway to drain. */
export const DRAIN_SIGNAL = 'SIGUSR2';

interface Running {
  readonly stop: () => Promise<void>;
  readonly drain?: () => void;
}

export async function runUntilSignal(logger: Logger, start: () => Promise<Running>): Promise<void> {
  const stopping = firstSignal(['SIGINT', 'SIGTERM']);
  let running: Running | undefined;
  let isToDrain = false;
  process.on(DRAIN_SIGNAL, () => {
    isToDrain = true;
    running?.drain?.();
  });
  running = await start();
  if (isToDrain) running.drain?.();
  await stopping;
  logger.info('stopping');
  await running.stop();
}
