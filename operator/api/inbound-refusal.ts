// A caller about whom IP access lists decided: the line for the inbound log, and the answer to one that is refused.
import { inboundRuleName, type WrittenInboundLine } from '../model/inbound-line.ts';
import { refusalMessage, refusedPlace } from '../model/inbound-refusal.ts';
import type { IngressDecision, IngressVerdict } from '../model/ingress-decision.ts';
import { ApiError } from './api-error.ts';
import type { Place } from './route.ts';

/** A request of which lists decided. */
export interface JudgedRequest {
  readonly place: Place;
  readonly decision: IngressDecision;
  /** Of the plan that decided. */
  readonly revision: string;
  readonly address: string;
  /** At the other end of the connection. */
  readonly peer: string;
  readonly host: string;
  readonly method: string;
  readonly path: string;
}

export function refusedAddress(
  { place, decision: { reason }, address }: Pick<JudgedRequest, 'place' | 'decision' | 'address'>,
  accountId: string,
): ApiError {
  const client = { reason, address, place: refusedPlace(place, accountId) };
  return new ApiError('PERMISSION_DENIED', refusalMessage(client));
}

/** Nobody is authenticated yet: the network comes first. */
export function inboundLine(judged: JudgedRequest, status: number, time: Date): WrittenInboundLine {
  const { place, decision, revision, address, peer, host, method, path } = judged;
  return {
    listener: 'api',
    time: time.toISOString(),
    workspace: place.namespace,
    workspaceId: place.workspaceId,
    level: place.level,
    revision,
    enforced: ruleOf(decision),
    shadow: decision.wouldDeny === undefined ? '' : ruleOf(decision.wouldDeny),
    source: address,
    peer,
    code: status,
    protocol: 'HTTP/1.1',
    host,
    method,
    path,
  };
}

function ruleOf({ reason, match }: IngressVerdict): string {
  return inboundRuleName(match === undefined ? { reason } : { reason, listId: match.listId });
}
