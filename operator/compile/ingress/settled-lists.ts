// The IpAccessLists of a place as they count: as they are written, or as they were where a change was not confirmed in
// time or would shut out an administrator.
import { isDeepStrictEqual } from 'node:util';
import { CONFIRM_LOCKOUT } from '../../model/access-annotations.ts';
import type { IngressPlanSpec, PlannedList, Trial } from '../../model/ingress-plan.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { problemAbout } from '../../model/snapshot.ts';
import type { WorkspaceConf } from '../../model/workspace-conf.ts';
import { type AcceptedLists, acceptLists, plannedList } from './accept-lists.ts';
import { isMarkedByApi } from './api-mark.ts';
import { type AccessChange, type AccessRules, shutOut, withheldChanges } from './lock-out.ts';
import { isOver, judgeTrial } from './trials.ts';

export interface ListsInput {
  readonly lists: readonly IpAccessList[];
  readonly unreadable: readonly string[];
  readonly former: IngressPlanSpec | undefined;
  /** What the switch is to be. */
  readonly isOn: boolean;
  readonly conf: WorkspaceConf | undefined;
  /** Whether a change of the switch is to be confirmed anyway. */
  readonly isConfTried: boolean;
  /** Of administrators of the last day. */
  readonly addresses: readonly string[];
  /** Without it nothing is taken back. */
  readonly atMs: number | undefined;
}

export interface SettledLists extends AcceptedLists {
  readonly isOn: boolean;
  readonly trials: readonly Trial[];
}

/** Key of the switch among changes; no list has it as name. */
const SWITCH = '';

interface TriedList {
  readonly name: string;
  /** Undefined where it was new and is taken back. */
  readonly list: IpAccessList | undefined;
  readonly trial: Trial | undefined;
  /** Counts without being asked whether it shuts somebody out. */
  readonly isTried: boolean;
  readonly isTakenBack: boolean;
  readonly problems: readonly Problem[];
}

export function settleLists(input: ListsInput): SettledLists {
  const { lists, unreadable, isOn, conf, addresses } = input;
  const before = acceptedBefore(input);
  const tried = lists.map((list) => tryList(list, before.get(list.metadata.name), input));
  const accepted = withTakenBack(before, tried);
  const base = { isOn: input.isConfTried ? isOn : wasOn(input), lists: withTried(accepted, tried) };
  const changes = changesOf(input, base, tried);
  const withheld = withheldChanges(base, changes, addresses);
  const trials = [...tried.flatMap(({ trial }) => trial ?? []), ...trialsOfUnreadable(input)];
  const fitting = acceptLists(
    tried.flatMap((one) => countingOf(one, withheld, accepted)),
    unreadable,
    [...accepted.values()],
    new Map(trials.map(({ name, formerList }) => [name, formerList?.ipAddresses.length ?? 0])),
  );
  const settled = { isOn: withheld.has(SWITCH) ? base.isOn : isOn, lists: mapOf(fitting.lists) };
  const wanted = changes.reduce((rules, { key, apply }) => (withheld.has(key) ? rules : apply(rules)), base);
  // A list that made room for another may itself have been too long: then none of them counts.
  const lost = fitting.isWhole ? [] : shutOut(wanted, settled, addresses);
  const refused = lost.length === 0 ? withheld : new Map(changes.map(({ key }) => [key, lost]));
  const problems = [
    ...tried.flatMap((one) => one.problems),
    ...fitting.problems,
    ...lockOutProblems(refused, { lists, conf, accepted }),
  ];
  if (lost.length === 0) return { ...fitting, isOn: settled.isOn, trials, problems };
  return { ...fitting, lists: [...accepted.values()], isOn: wasOn(input), trials, problems };
}

function wasOn({ former }: ListsInput): boolean {
  return former?.enableIpAccessLists ?? false;
}

/** Of the lists that are still there; what was not confirmed in time is replaced also where it cannot be read now. */
function acceptedBefore(input: ListsInput): ReadonlyMap<string, PlannedList> {
  const { lists, unreadable, former, atMs } = input;
  const present = new Set([...unreadable, ...lists.map(({ metadata }) => metadata.name)]);
  const accepted = mapOf((former?.lists ?? []).filter(({ listId }) => present.has(listId)));
  for (const trial of trialsOfUnreadable(input)) {
    const { name, formerList } = trial;
    if (!isOver(trial, atMs)) continue;
    if (formerList === undefined) accepted.delete(name);
    else accepted.set(name, formerList);
  }
  return accepted;
}

function trialsOfUnreadable({ former, unreadable }: ListsInput): readonly Trial[] {
  return (former?.trials ?? []).filter(
    ({ kind, name }) => kind === 'IpAccessList' && unreadable.includes(name),
  );
}

function withTakenBack(
  before: ReadonlyMap<string, PlannedList>,
  tried: readonly TriedList[],
): ReadonlyMap<string, PlannedList> {
  const takenBack = tried.filter(({ isTakenBack }) => isTakenBack);
  return withTried(before, takenBack);
}

/** These count in any case. */
function withTried(
  before: ReadonlyMap<string, PlannedList>,
  tried: readonly TriedList[],
): ReadonlyMap<string, PlannedList> {
  const lists = new Map(before);
  for (const { name, list, isTried } of tried) {
    if (!isTried) continue;
    if (list === undefined) lists.delete(name);
    else lists.set(name, plannedList(list));
  }
  return lists;
}

/** None where it is new and does not count. */
function countingOf(
  { name, list }: TriedList,
  withheld: ReadonlyMap<string, unknown>,
  accepted: ReadonlyMap<string, PlannedList>,
): readonly IpAccessList[] {
  if (list === undefined) return [];
  if (!withheld.has(name)) return [list];
  const last = accepted.get(name);
  return last === undefined ? [] : [asBefore(list, last)];
}

function tryList(
  list: IpAccessList,
  inForce: PlannedList | undefined,
  { former, atMs }: ListsInput,
): TriedList {
  const { name } = list.metadata;
  const trial = former?.trials?.find((one) => one.kind === 'IpAccessList' && one.name === name);
  if (atMs === undefined)
    return { name, list, trial, isTried: trial !== undefined, isTakenBack: false, problems: [] };
  const planned = plannedList(list);
  const verdict = judgeTrial(list, {
    trial,
    inForce: inForce === undefined ? {} : { formerList: inForce },
    isChanged: !isDeepStrictEqual(planned, inForce),
    isAsBefore: isDeepStrictEqual(planned, trial?.formerList),
    atMs,
  });
  const { trial: next, problems } = verdict;
  if (verdict.former === undefined)
    return { name, list, trial: next, isTried: next !== undefined, isTakenBack: false, problems };
  const { formerList } = verdict.former;
  const before = formerList === undefined ? undefined : asBefore(list, formerList);
  return { name, list: before, trial: next, isTried: true, isTakenBack: true, problems };
}

function asBefore(list: IpAccessList, { listId: _, ...spec }: PlannedList): IpAccessList {
  return { ...list, spec };
}

function changesOf(
  { isOn, conf }: ListsInput,
  base: AccessRules,
  tried: readonly TriedList[],
): readonly AccessChange[] {
  const ofLists = tried.flatMap(({ name, list, isTried }): readonly AccessChange[] => {
    if (list === undefined || isTried) return [];
    const planned = plannedList(list);
    if (isDeepStrictEqual(planned, base.lists.get(name))) return [];
    const apply = (rules: AccessRules) => ({ ...rules, lists: new Map(rules.lists).set(name, planned) });
    return [{ key: name, apply, confirmation: confirmationOf(list) }];
  });
  if (isOn === base.isOn) return ofLists;
  const confirmation = conf === undefined ? '' : confirmationOf(conf);
  return [...ofLists, { key: SWITCH, apply: (rules) => ({ ...rules, isOn }), confirmation }];
}

function confirmationOf(object: IpAccessList | WorkspaceConf): string {
  if (isMarkedByApi(object)) return 'true';
  return object.metadata.annotations?.[CONFIRM_LOCKOUT] ?? '';
}

function mapOf(lists: readonly PlannedList[]): Map<string, PlannedList> {
  return new Map(lists.map((list) => [list.listId, list]));
}

function lockOutProblems(
  withheld: ReadonlyMap<string, readonly string[]>,
  {
    lists,
    conf,
    accepted,
  }: Pick<ListsInput, 'lists' | 'conf'> & { readonly accepted: ReadonlyMap<string, PlannedList> },
): readonly Problem[] {
  const found = lists.flatMap((list) => {
    const addresses = withheld.get(list.metadata.name);
    if (addresses === undefined) return [];
    const until = accepted.has(list.metadata.name) ? 'its last accepted version stays' : 'it has no effect';
    return [problemAbout(list, 'WouldLockOut', lockOutMessage(addresses, until), 'spec.ipAddresses')];
  });
  const addresses = withheld.get(SWITCH);
  if (addresses === undefined || conf === undefined) return found;
  const message = lockOutMessage(addresses, 'the switch stays as it was');
  return [...found, problemAbout(conf, 'WouldLockOut', message, 'spec.enableIpAccessLists')];
}

function lockOutMessage([first = '', ...more]: readonly string[], until: string): string {
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  return `Cannot accept it: it would shut out an administrator who called from ${first}${others} within the last day; to do that, annotate it with ${CONFIRM_LOCKOUT}="${more.length === 0 ? first : 'true'}"; until then ${until}`;
}
