// `sallyport run FOLDER` on a terminal: starts, shows, and stops cleanly on Ctrl-C.
import { OptionError, type RunOptions, readRunConfig } from '../../config.ts';
import { firstSignal } from '../shared/signals.ts';
import { RunningGateway } from './process.ts';
import { terminalView } from './view.ts';

const FAILED = 1;
const USAGE = 2;

export async function runCommand(
  folder: string,
  options: RunOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const view = terminalView(process.stdout, process.stderr);
  try {
    const config = readRunConfig(folder, options, environment);
    // Listening before the start, so that an early Ctrl-C stops what has been started.
    const interrupted = Promise.race([firstSignal(['SIGINT', 'SIGTERM', 'SIGHUP']), readerGone()]);
    const gateway = await RunningGateway.start(config, view);
    view.progress(`Denials follow as they come; query them with: sallyport denials --state ${options.state}`);
    view.progress('Stop with Ctrl-C');
    await interrupted;
    view.progress('Stopping');
    await gateway.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof OptionError ? USAGE : FAILED;
  }
}

/** Resolves when nobody reads what we print any more, as in "sallyport run … | head". */
function readerGone(): Promise<void> {
  return new Promise((resolve) => process.stdout.on('error', () => resolve()));
}
