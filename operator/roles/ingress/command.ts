// `sallyport ingress`: starts, and stops cleanly on a signal, after a last report to the operator.
import { type IngressGatewayOptions, readIngressConfig } from '../../cluster-config.ts';
import { createLogger } from '../../lib/logger.ts';
import { exitStatus, runUntilSignal } from '../shared/exit-status.ts';
import { IngressProcess } from './process.ts';

export function ingressCommand(
  options: IngressGatewayOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  return exitStatus(async () => {
    const config = readIngressConfig(options, environment);
    const logger = createLogger({ role: 'ingress', level: config.logLevel });
    await runUntilSignal(logger, () => IngressProcess.start(config, logger));
  });
}
