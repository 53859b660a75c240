// What is logged of the Envoy of a role in a cluster.
import type { GatewayHooks } from '../../gateway/gateway-parts.ts';
import { describeExit } from '../../gateway/process/running-envoy.ts';
import type { Logger } from '../../lib/logger.ts';

/** `onChange`: Envoy has exited, or a new one has started. */
export function loggingHooks(logger: Logger, onChange: () => void): GatewayHooks {
  return {
    onEnvoyStart: (how, pid) => {
      logger.info(how === 'adopted' ? 'adopted the Envoy that still runs' : 'Envoy was started', { pid });
      onChange();
    },
    onEnvoyExit: (exit) => {
      logger.error('Envoy is gone and is started again', { pid: exit.pid, reason: describeExit(exit) });
      onChange();
    },
    onEnvoyRestart: ({ pid, error }) => {
      if (error === undefined) logger.info('Envoy was started again', { pid });
      else logger.error('Envoy could not be started and is tried again', { error });
      onChange();
    },
    onFailure: (what, error) => logger.warn(what, { error }),
    onTrouble: (what, reason) => logger.warn(what, { reason }),
  };
}
