// `sallyport operator`: starts, and stops cleanly on a signal, giving the lease back.
import { type OperatorOptions, OptionError, readOperatorConfig } from '../../config.ts';
import { createLogger } from '../../lib/logger.ts';
import { firstSignal } from '../shared/signals.ts';
import { RunningOperator } from './process.ts';

const FAILED = 1;
const USAGE = 2;

export async function operatorCommand(
  options: OperatorOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  try {
    const config = readOperatorConfig(options, environment);
    const logger = createLogger({ role: 'operator', level: config.logLevel });
    const stopping = firstSignal(['SIGINT', 'SIGTERM']);
    const operator = await RunningOperator.start(config, logger);
    await stopping;
    logger.info('stopping');
    await operator.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof OptionError ? USAGE : FAILED;
  }
}
