// Pages of the health server of a gateway whose Envoy is another container of the pod: what the kubelet asks to start
// Envoy, to restart it, and before it ends the pod. None of them has an effect.
import { Drain } from '../../gateway/process/drain.ts';
import type { XdsEnvoy } from '../../gateway/xds/xds-envoy.ts';
import type { HealthServerOptions } from '../../lib/health-server.ts';
import type { Logger } from '../../lib/logger.ts';

interface PodParts {
  readonly envoy: XdsEnvoy;
  readonly config: { readonly drainMs: number };
  readonly logger: Logger;
}

/** `leave` is the first step: others do what only one of them may do. */
export function podDrain(
  { envoy, config, logger }: PodParts,
  leave: () => Promise<void> = async () => undefined,
): Drain {
  return new Drain({
    envoy: envoy.admin,
    longestMs: config.drainMs,
    leave,
    onProgress: (what, requests) => logger.info(what, { requests }),
  });
}

export function podPages(envoy: XdsEnvoy, drain: Drain): Pick<HealthServerOptions, 'checks' | 'waits'> {
  return {
    checks: {
      '/startz': {
        serving: () => (envoy.isServing ? undefined : 'nothing is known yet that Envoy could be told'),
      },
      '/envoyz': { envoy: () => envoy.restartReason },
    },
    waits: { '/drained': (isAwaited) => drain.ended(isAwaited) },
  };
}

/** Why a gateway should get no connections from Services, as checks of /readyz. */
export function podReadiness(envoy: XdsEnvoy, drain: Drain): HealthServerOptions['ready'] {
  return {
    envoy: () => envoy.problem,
    serving: () => (drain.isDraining ? 'it drains' : undefined),
  };
}
