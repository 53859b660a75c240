// What is read from the Envoy for ingress while it runs: connections that it closed at once, and its overload actions.
import { join } from 'node:path';
import type { GatewayHooks } from '../gateway-parts.ts';
import type { DeniedAt } from '../process/envoy-admin.ts';
import type { EnvoyNumbers } from '../process/envoy-metrics.ts';
import { EnvoyPolls } from '../process/envoy-polls.ts';
import { OverloadWatch } from '../process/overload-watch.ts';
import { DENIED_CONNECTIONS, deniedSentence, OverloadedListeners } from '../process/overloaded-listeners.ts';
import type { XdsEnvoy } from '../xds/xds-envoy.ts';

const PAUSE_MS = 2000;

export interface IngressPollsHooks extends Pick<GatewayHooks, 'onFailure' | 'onTrouble'> {
  /** Connections that were closed at once, since the last call. */
  readonly onRefused: (denied: DeniedAt) => void;
}

export interface IngressPolls {
  readonly polls: EnvoyPolls;
  readonly numbers: EnvoyNumbers;
}

/** `directory`: of that Envoy. */
export function ingressPolls(
  envoy: Pick<XdsEnvoy, 'admin' | 'startedAs'>,
  directory: string,
  { onFailure, onTrouble, onRefused }: IngressPollsHooks,
  memoryBytes: number,
): IngressPolls {
  const { admin } = envoy;
  const denied = new OverloadedListeners({
    counted: () => admin.deniedConnections(),
    isAdopted: () => envoy.startedAs === 'adopted',
    path: join(directory, DENIED_CONNECTIONS),
    onDenied: (connections) => {
      onRefused(connections);
      onTrouble('connections were closed at once', `Ingress: ${deniedSentence(connections)}`);
    },
  });
  const overload = new OverloadWatch({
    overload: () => admin.overload(),
    memoryBytes,
    onAction: (sentence) =>
      onTrouble('the memory of Envoy is nearly used up, or no longer', `Ingress: ${sentence}`),
  });
  const polls = new EnvoyPolls(
    [
      { check: () => denied.check(), pauseMs: PAUSE_MS, isAskedLast: true },
      { check: () => overload.check(), pauseMs: PAUSE_MS },
    ],
    (error) => onFailure('Envoy for ingress could not be asked', error),
  );
  return {
    polls,
    numbers: {
      deniedConnections: () => denied.total,
      memoryRatio: () => overload.memoryPercent / 100,
    },
  };
}
