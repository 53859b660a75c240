// `sallyport gateway`: starts, and stops cleanly on a signal, after a last report to the operator.
import { type GatewayOptions, readGatewayConfig } from '../../cluster-config.ts';
import { createLogger } from '../../lib/logger.ts';
import { exitStatus, runUntilSignal } from '../shared/exit-status.ts';
import { GatewayProcess } from './process.ts';

export function gatewayCommand(options: GatewayOptions, environment: NodeJS.ProcessEnv): Promise<number> {
  return exitStatus(async () => {
    const config = readGatewayConfig(options, environment);
    const logger = createLogger({ role: 'gateway', level: config.logLevel });
    await runUntilSignal(logger, () => GatewayProcess.start(config, logger));
  });
}
