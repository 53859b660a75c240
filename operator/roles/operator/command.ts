// `sallyport operator`: starts, and stops cleanly on a signal, releasing the lease.
import { type OperatorOptions, readOperatorConfig } from '../../cluster-config.ts';
import { createLogger } from '../../lib/logger.ts';
import { exitStatus, runUntilSignal } from '../shared/exit-status.ts';
import { OperatorProcess } from './process.ts';

export function operatorCommand(options: OperatorOptions, environment: NodeJS.ProcessEnv): Promise<number> {
  return exitStatus(async () => {
    const config = readOperatorConfig(options, environment);
    const logger = createLogger({ role: 'operator', level: config.logLevel });
    await runUntilSignal(logger, () => OperatorProcess.start(config, logger));
  });
}
