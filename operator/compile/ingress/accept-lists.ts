// Which IpAccessLists of one workspace are in force: at most 1,000 values over all, at least one for each (R94). The list that came last is
// not accepted, or keeps the version that was; the others stay as they are.
import type { PlannedList } from '../../model/ingress-plan.ts';
import { countedAddresses, type IpAccessList, MAX_ADDRESSES } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { compareText, problemAbout } from '../../model/snapshot.ts';

export interface AcceptedLists {
  /** The oldest first, those that cannot be read now before all. */
  readonly lists: readonly PlannedList[];
  /** Names of lists that cannot be read and were never accepted. */
  readonly unreadable: readonly string[];
  /** All found are accepted as they are. */
  readonly isWhole: boolean;
  readonly problems: readonly Problem[];
}

/** `unreadable`: names; `before`: what was accepted at the last time; `reserved`: addresses that a list may get back. */
export function acceptLists(
  found: readonly IpAccessList[],
  unreadable: readonly string[],
  before: readonly PlannedList[],
  reserved: ReadonlyMap<string, number> = new Map(),
): AcceptedLists {
  const former = new Map(before.map((list) => [list.listId, list]));
  const kept = unreadable.flatMap((name) => former.get(name) ?? []);
  const lists = [...kept];
  const problems: Problem[] = [];
  // What each has already is its own; only growth may be too much.
  const shares = oldestFirst(found).map((list) => {
    const { name } = list.metadata;
    return shareOf(list, former.get(name), reserved.get(name) ?? 0);
  });
  let used =
    sum(kept.map(({ ipAddresses }) => countedAddresses(ipAddresses))) + sum(shares.map(({ own }) => own));
  for (const { list, growth, accepted } of shares) {
    const fits = used + growth <= MAX_ADDRESSES;
    if (fits) used += growth;
    else problems.push(tooMany(list, used + growth, accepted !== undefined));
    const planned = fits ? plannedList(list) : accepted;
    if (planned !== undefined) lists.push(planned);
  }
  const isWhole = problems.length === 0;
  problems.push(...duplicateLabels(found));
  return { lists, unreadable: unreadable.filter((name) => !former.has(name)), isWhole, problems };
}

/**
 * None is left out: without a BLOCK list more would be allowed, and without an ALLOW list people would be shut
 * out. The API refuses to create a second one.
 */
function duplicateLabels(found: readonly IpAccessList[]): readonly Problem[] {
  const alike = Map.groupBy(oldestFirst(found), ({ spec }) => `${spec.listType} ${spec.label}`);
  return [...alike.values()].flatMap(([first, ...others]) =>
    others.map((list) => {
      const { listType, label } = list.spec;
      const message = `IpAccessList "${first?.metadata.name}" is also of type ${listType} with label "${label}": neither replaces the other; give one another label`;
      return problemAbout(list, 'DuplicateLabel', message, 'spec.label');
    }),
  );
}

interface Share {
  readonly list: IpAccessList;
  readonly accepted: PlannedList | undefined;
  readonly own: number;
  readonly growth: number;
}

function shareOf(list: IpAccessList, accepted: PlannedList | undefined, reserved: number): Share {
  const wanted = countedAddresses(list.spec.ipAddresses);
  const before = accepted === undefined ? 0 : countedAddresses(accepted.ipAddresses);
  const own = Math.max(Math.min(wanted, before), reserved);
  return { list, accepted, own, growth: Math.max(0, wanted - own) };
}

function oldestFirst(lists: readonly IpAccessList[]): readonly IpAccessList[] {
  return lists.toSorted(
    ({ metadata: a }, { metadata: b }) =>
      compareText(a.creationTimestamp ?? '', b.creationTimestamp ?? '') || compareText(a.name, b.name),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function plannedList({ metadata, spec }: IpAccessList): PlannedList {
  const { label, listType, mode, enabled, ipAddresses } = spec;
  return { listId: metadata.name, label, listType, mode, enabled, ipAddresses };
}

function tooMany(list: IpAccessList, total: number, hasFormer: boolean): Problem {
  const { length } = list.spec.ipAddresses;
  const until = hasFormer ? 'its last accepted version stays' : 'it has no effect';
  const what = length === 0 ? 'a list without addresses, which counts as one' : `${length} addresses`;
  const message = `Cannot accept ${what}: all lists of the workspace would have ${total} together, and at most ${MAX_ADDRESSES} are accepted; remove some, until then ${until}`;
  return problemAbout(list, 'TooManyAddresses', message, 'spec.ipAddresses');
}
