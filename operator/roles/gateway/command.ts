// `sallyport gateway`: starts, and stops cleanly on a signal, after a word to the operator.
import { type GatewayOptions, OptionError, readGatewayConfig } from '../../config.ts';
import { createLogger } from '../../lib/logger.ts';
import { firstSignal } from '../shared/signals.ts';
import { RunningAgent } from './process.ts';

const FAILED = 1;
const USAGE = 2;

export async function gatewayCommand(
  options: GatewayOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  try {
    const config = readGatewayConfig(options, environment);
    const logger = createLogger({ role: 'gateway', level: config.logLevel });
    const stopping = firstSignal(['SIGINT', 'SIGTERM']);
    const agent = await RunningAgent.start(config, logger);
    await stopping;
    logger.info('stopping');
    await agent.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof OptionError ? USAGE : FAILED;
  }
}
