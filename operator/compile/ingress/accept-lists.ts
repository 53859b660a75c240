// Which IpAccessLists of one workspace are in force: at most 1,000 values over all (R94). The list that came last is
// not accepted, or keeps the version that was; the others stay as they are.
import type { PlannedList } from '../../model/ingress-plan.ts';
import { type IpAccessList, MAX_ADDRESSES } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { compareText, problemAbout } from '../../model/snapshot.ts';

export interface AcceptedLists {
  /** The oldest first. */
  readonly lists: readonly PlannedList[];
  readonly problems: readonly Problem[];
}

/** `before`: what was accepted at the last time. */
export function acceptLists(found: readonly IpAccessList[], before: readonly PlannedList[]): AcceptedLists {
  const oldestFirst = found.toSorted(
    (a, b) =>
      compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
      compareText(a.metadata.name, b.metadata.name),
  );
  const former = new Map(before.map((list) => [list.listId, list]));
  const sizeOf = (list: IpAccessList): number => list.spec.ipAddresses.length;
  const formerSizeOf = (list: IpAccessList): number =>
    former.get(list.metadata.name)?.ipAddresses.length ?? 0;
  // What each has already is its own; only growth may be too much.
  let used = oldestFirst.reduce((sum, list) => sum + Math.min(sizeOf(list), formerSizeOf(list)), 0);
  const lists: PlannedList[] = [];
  const problems: Problem[] = [];
  for (const list of oldestFirst) {
    const growth = Math.max(0, sizeOf(list) - formerSizeOf(list));
    const accepted = used + growth <= MAX_ADDRESSES ? plannedList(list) : former.get(list.metadata.name);
    if (accepted !== undefined) lists.push(accepted);
    if (used + growth <= MAX_ADDRESSES) used += growth;
    else problems.push(tooMany(list, used, accepted !== undefined));
  }
  return { lists, problems };
}

function plannedList({ metadata, spec }: IpAccessList): PlannedList {
  const { label, listType, mode, enabled, ipAddresses } = spec;
  return { listId: metadata.name, label, listType, mode, enabled, ipAddresses };
}

function tooMany(list: IpAccessList, used: number, hasFormer: boolean): Problem {
  const { length } = list.spec.ipAddresses;
  const until = hasFormer ? 'its last accepted version stays' : 'it has no effect';
  const message = `Cannot accept ${length} addresses: all lists of a workspace have at most ${MAX_ADDRESSES} together, and the others have ${used}; until then ${until}`;
  return problemAbout(list, 'TooManyAddresses', message, 'spec.ipAddresses');
}
