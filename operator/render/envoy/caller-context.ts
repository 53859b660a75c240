// The caller of a connection as text: what the egress listener knows of it, in the order of the log line's context.
import { CONTEXT_PARTS, type LineContext, WRITTEN_AUTHORITY_BYTES } from '../../model/access-log-line.ts';
import type { EgressListener } from './envoy-config.ts';
import { type SharedObject, stateText, textFormat } from './filter-state.ts';

/** Filter state by which an egress listener passes all of the context but the revision to a listener behind it. */
export const CALLER_KEY = 'sallyport.caller';

/** Requested authority, truncated as everywhere in the log. */
export const ASKED_AUTHORITY = `%REQ(:AUTHORITY):${WRITTEN_AUTHORITY_BYTES}%`;

const REVISION = '%METADATA(ROUTE:sallyport:revision)%';

/** A format string; `authority` is one too. */
export function contextOf(egressListener: EgressListener, authority: string): string {
  return `${REVISION}|${callerOf(egressListener, authority)}`;
}

/** The same behind an egress listener, from its filter state. */
export function contextOfCaller(): string {
  return `${REVISION}|${stateText(CALLER_KEY)}`;
}

export function sharedCaller(egressListener: EgressListener, authority: string): SharedObject {
  return { key: CALLER_KEY, format: textFormat(callerOf(egressListener, authority)) };
}

function callerOf(egressListener: EgressListener, authority: string): string {
  const caller: Omit<LineContext, 'revision'> = {
    workspace: egressListener.workspace,
    workspaceId: egressListener.workspaceId,
    product: egressListener.product ?? '',
    lane: egressListener.lane,
    policy: egressListener.networkPolicyId,
    table: egressListener.table,
    source: '%DOWNSTREAM_REMOTE_ADDRESS%',
    authority,
  };
  return CONTEXT_PARTS.flatMap((part) => (part === 'revision' ? [] : [caller[part]])).join('|');
}
