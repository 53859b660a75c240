// Whose connection it is, as text: what an entrance knows of it, in the order of the log line's context.
import { CONTEXT_PARTS, type LineContext, WRITTEN_AUTHORITY_BYTES } from '../../model/access-log-line.ts';
import type { Entrance } from './envoy-config.ts';
import { type SharedObject, stateText, textFormat } from './filter-state.ts';

/** Filter state in which an entrance hands all of the context but the revision to a listener behind it. */
export const CALLER_KEY = 'sallyport.caller';

/** What a request asks for, as far as it is written anywhere. */
export const ASKED_AUTHORITY = `%REQ(:AUTHORITY):${WRITTEN_AUTHORITY_BYTES}%`;

const REVISION = '%METADATA(ROUTE:sallyport:revision)%';

/** A format string; `authority` is one too. */
export function contextOf(entrance: Entrance, authority: string): string {
  return `${REVISION}|${callerOf(entrance, authority)}`;
}

/** The same behind an entrance, from what it handed over. */
export function contextOfCaller(): string {
  return `${REVISION}|${stateText(CALLER_KEY)}`;
}

export function sharedCaller(entrance: Entrance, authority: string): SharedObject {
  return { key: CALLER_KEY, format: textFormat(callerOf(entrance, authority)) };
}

function callerOf(entrance: Entrance, authority: string): string {
  const caller: Omit<LineContext, 'revision'> = {
    workspace: entrance.workspace,
    workspaceId: entrance.workspaceId,
    product: entrance.product ?? '',
    lane: entrance.lane,
    policy: entrance.networkPolicyId,
    table: entrance.table,
    source: '%DOWNSTREAM_REMOTE_ADDRESS%',
    authority,
  };
  return CONTEXT_PARTS.flatMap((part) => (part === 'revision' ? [] : [caller[part]])).join('|');
}
