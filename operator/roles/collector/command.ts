// `sallyport collector`: starts, and stops cleanly on a signal, after the batches under way.
import { type CollectorOptions, readCollectorConfig } from '../../cluster-config.ts';
import { createLogger } from '../../lib/logger.ts';
import { exitStatus, runUntilSignal } from '../shared/exit-status.ts';
import { CollectorProcess } from './process.ts';

export function collectorCommand(options: CollectorOptions, environment: NodeJS.ProcessEnv): Promise<number> {
  return exitStatus(async () => {
    const config = readCollectorConfig(options, environment);
    const logger = createLogger({ role: 'collector', level: config.logLevel });
    await runUntilSignal(logger, () => CollectorProcess.start(config, logger));
  });
}
