// What the REST API has answered is in force: it asked its caller's own address already. It marks what it wrote with a
// hash of what decides, so that the lock-out guard lets exactly that pass, and not what somebody writes later.
import { DECIDED_BY_API } from '../../model/access-annotations.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import type { WorkspaceConf } from '../../model/workspace-conf.ts';
import { contentHash } from '../content-hash.ts';
import { plannedList } from './accept-lists.ts';

/** The annotation of that object. */
export function apiMark(object: IpAccessList | WorkspaceConf): Readonly<Record<string, string>> {
  const deciding = object.kind === 'IpAccessList' ? plannedList(object) : object.spec.enableIpAccessLists;
  return { [DECIDED_BY_API]: contentHash(deciding) };
}

export function isMarkedByApi(object: IpAccessList | WorkspaceConf): boolean {
  return object.metadata.annotations?.[DECIDED_BY_API] === apiMark(object)[DECIDED_BY_API];
}
