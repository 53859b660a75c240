// Stored lists and WorkspaceConfs -> what they say, and the guard against shutting oneself out.
import { decideIngress } from '../compile/ingress/decide-ingress.ts';
import { memoize } from '../lib/memo.ts';
import type { IngressRules } from '../model/ingress-plan.ts';
import { ACCOUNT_LABEL, type IpAccessList } from '../model/ip-access-list.ts';
import { parseObject } from '../model/parse-object.ts';
import type { WorkspaceConf } from '../model/workspace-conf.ts';
import { ApiError } from './api-error.ts';
import type { Place } from './route.ts';
import type { AccessObjects, StoredObject } from './store/object-store.ts';

/** A stored list and what it says. */
export interface ReadList {
  readonly stored: StoredObject;
  readonly list: IpAccessList;
}

/** Those of this place that can be read, the oldest first. */
export function readLists(stored: readonly StoredObject[], place: Place): readonly ReadList[] {
  return ofPlace(stored, place).flatMap((one) => {
    const list = readList(one);
    return list === undefined ? [] : [{ stored: one, list }];
  });
}

/** Remembered, since each change looks at all lists several times. */
export const readList = memoize((stored: StoredObject): IpAccessList | undefined => {
  const parsed = parseObject(stored);
  return parsed.status === 'parsed' && parsed.object.kind === 'IpAccessList' ? parsed.object : undefined;
});

/** In the system's Namespace there may be lists that are for nobody. */
function ofPlace(stored: readonly StoredObject[], { level }: Place): readonly StoredObject[] {
  return level === 'WORKSPACE' ? stored : stored.filter(isOfAccount);
}

export function isOfAccount({ metadata }: StoredObject): boolean {
  return metadata.labels?.[ACCOUNT_LABEL] !== undefined;
}

export function readConf(stored: StoredObject | undefined): WorkspaceConf | undefined {
  const parsed = stored === undefined ? undefined : parseObject(stored);
  return parsed?.status === 'parsed' && parsed.object.kind === 'WorkspaceConf' ? parsed.object : undefined;
}

/** Throws where the caller may access the place now and could not afterwards. */
export function refuseLockout(
  place: Place,
  address: string,
  before: AccessObjects,
  after: AccessObjects,
): void {
  const isShutOut =
    decideIngress(rulesOf(before, place), address).isAllowed &&
    !decideIngress(rulesOf(after, place), address).isAllowed;
  if (!isShutOut) return;
  throw new ApiError(
    'INVALID_STATE',
    `Your current IP ${address} will not be allowed to access the ${place.level.toLowerCase()} under current configuration`,
  );
}

function rulesOf({ conf, lists }: AccessObjects, place: Place): IngressRules {
  const unreadable = ofPlace(lists, place).filter((stored) => readList(stored) === undefined);
  return {
    enableIpAccessLists: readConf(conf)?.spec.enableIpAccessLists ?? conf !== undefined,
    unreadableLists: unreadable.map(({ metadata }) => metadata.name),
    lists: readLists(lists, place).map(({ list: { metadata, spec } }) => ({
      listId: metadata.name,
      label: spec.label,
      listType: spec.listType,
      mode: spec.mode,
      enabled: spec.enabled,
      ipAddresses: spec.ipAddresses,
    })),
  };
}
