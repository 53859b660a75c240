// Connections that the Envoy for ingress closed at once -> a line of the log: nobody knows whose they were.
import type { WrittenInboundLine } from '../../model/inbound-line.ts';
import type { InboundReason } from '../../model/inbound-reason.ts';
import type { DeniedAt } from '../process/envoy-admin.ts';

/** For all of them since the last line. */
export function refusedLine({ isOverloaded, connections }: DeniedAt, atMs: number): WrittenInboundLine {
  const reason: InboundReason = isOverloaded ? 'GATEWAY_OVERLOADED' : 'TOO_MANY_CONNECTIONS';
  return {
    listener: 'ingress',
    time: new Date(atMs).toISOString(),
    enforced: reason,
    shadow: '',
    repeats: connections,
  };
}
