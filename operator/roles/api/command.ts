// `sallyport api`: starts, and stops cleanly on a signal, after the requests under way.
import { type ApiOptions, readApiConfig } from '../../cluster-config.ts';
import { createLogger } from '../../lib/logger.ts';
import { exitStatus, runUntilSignal } from '../shared/exit-status.ts';
import { ApiProcess } from './process.ts';

export function apiCommand(options: ApiOptions, environment: NodeJS.ProcessEnv): Promise<number> {
  return exitStatus(async () => {
    const config = readApiConfig(options, environment);
    const logger = createLogger({ role: 'api', level: config.logLevel });
    await runUntilSignal(logger, () => ApiProcess.start(config, logger));
  });
}
