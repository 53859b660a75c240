// What is read from the Envoy for ingress while it runs: connections that it closed at once, and its overload actions.
import type { GatewayHooks } from '../gateway-parts.ts';
import type { DeniedAt, EnvoyAdmin } from '../process/envoy-admin.ts';
import type { EnvoyNumbers } from '../process/envoy-metrics.ts';
import { EnvoyPolls } from '../process/envoy-polls.ts';
import { OverloadWatch } from '../process/overload-watch.ts';
import { deniedSentence, OverloadedListeners } from '../process/overloaded-listeners.ts';

const PAUSE_MS = 2000;

export interface IngressPollsHooks extends Pick<GatewayHooks, 'onFailure' | 'onTrouble'> {
  /** Connections that were closed at once, since the last call. */
  readonly onRefused: (denied: DeniedAt) => void;
}

export interface IngressPolls {
  readonly polls: EnvoyPolls;
  readonly numbers: EnvoyNumbers;
}

export function ingressPolls(
  admin: EnvoyAdmin,
  { onFailure, onTrouble, onRefused }: IngressPollsHooks,
  memoryBytes: number,
): IngressPolls {
  const denied = new OverloadedListeners({
    counted: () => admin.deniedConnections(),
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
