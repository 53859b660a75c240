// Why a request to a workspace was allowed or denied: the reasons of lists, and those for which no list was consulted.
import type { IngressReason } from './ingress-decision.ts';

type RefusalReason =
  /** No workspace has the host that was asked for. */
  | 'UNKNOWN_HOST'
  /** The request is ambiguous: two hosts, two clients, no host. */
  | 'BAD_REQUEST'
  /** A stream was closed, since its client is no longer allowed. */
  | 'ACCESS_REVOKED'
  | 'TOO_MANY_CONNECTIONS'
  | 'GATEWAY_OVERLOADED'
  /** No request: the row counts those whose rows could not be kept. */
  | 'DENIALS_NOT_KEPT';

export type InboundReason = IngressReason | RefusalReason;

export const INBOUND_REASONS: Readonly<Record<InboundReason, 'ALLOW' | 'DENY'>> = {
  LISTS_DISABLED: 'ALLOW',
  NO_ALLOW_LIST: 'ALLOW',
  IN_ALLOW_LIST: 'ALLOW',
  IN_BLOCK_LIST: 'DENY',
  NOT_IN_ALLOW_LIST: 'DENY',
  LIST_UNREADABLE: 'DENY',
  BAD_ADDRESS: 'DENY',
  UNKNOWN_HOST: 'DENY',
  BAD_REQUEST: 'DENY',
  ACCESS_REVOKED: 'DENY',
  TOO_MANY_CONNECTIONS: 'DENY',
  GATEWAY_OVERLOADED: 'DENY',
  DENIALS_NOT_KEPT: 'DENY',
};

export function isInboundReason(text: string): text is InboundReason {
  return Object.hasOwn(INBOUND_REASONS, text);
}
