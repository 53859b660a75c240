// `sallyport run FOLDER` on a terminal: starts, shows, and stops cleanly on Ctrl-C.
import { type RunOptions, readRunConfig } from '../../config.ts';
import { DRAIN_SIGNAL, exitStatus, firstSignal } from '../shared/exit-status.ts';
import { RunProcess } from './process.ts';
import { terminalView } from './view.ts';

export function runCommand(
  folder: string,
  options: RunOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const command = environment['SALLYPORT_COMMAND'] ?? 'sallyport';
  const denials = `${command} denials --state ${options.state}`;
  const view = terminalView(process.stdout, process.stderr, denials);
  return exitStatus(async () => {
    const config = readRunConfig(folder, options, environment);
    // Listening before the start, so that an early Ctrl-C stops what has been started.
    const interrupted = Promise.race([firstSignal(['SIGINT', 'SIGTERM', 'SIGHUP']), readerGone()]);
    process.on(DRAIN_SIGNAL, () => view.failure('Only gateways of a cluster drain: this one goes on'));
    const gateway = await RunProcess.start(config, view);
    view.progress(`Denials follow as they come; query them with: ${denials}`);
    view.progress('Stop with Ctrl-C');
    await interrupted;
    view.progress('Stopping');
    await gateway.stop();
  });
}

/** Resolves when nobody reads our output any more, as in "sallyport run … | head". */
function readerGone(): Promise<void> {
  return new Promise((resolve) => process.stdout.on('error', () => resolve()));
}
