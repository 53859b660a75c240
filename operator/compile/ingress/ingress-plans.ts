// Snapshot -> an IngressPlan per workspace, and one of the account where it has lists or hosts. What cannot be read
// denies.
import { memoize } from '../../lib/memo.ts';
import type { IngressPlan, IngressPlanSpec, Trial } from '../../model/ingress-plan.ts';
import type { IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import { formatKey, problemAbout, type Snapshot } from '../../model/snapshot.ts';
import type { Workspace } from '../../model/workspace.ts';
import type { WorkspaceConf } from '../../model/workspace-conf.ts';
import { contentHash } from '../content-hash.ts';
import { NO_ID, ownId, withoutTakenIds } from '../workspace-ids.ts';
import { emptyLists } from './empty-lists.ts';
import { ignoredAnnotations } from './ignored-annotations.ts';
import {
  type IngressSettings,
  isOfAccount,
  listsOf,
  ownersOfHosts,
  type Place,
  placesOf,
  readConf,
  strayLists,
  UNKNOWN_LISTS,
  unreadableLists,
} from './ingress-places.ts';
import { addressesOf, type Moment } from './moment.ts';
import { type BackendField, hostsOf, servedBefore, servedBy } from './served-hosts.ts';
import { type SettledConf, settleConf } from './settled-conf.ts';
import { settleLists } from './settled-lists.ts';
import { isOver } from './trials.ts';

export interface CompiledIngress {
  readonly plans: readonly IngressPlan[];
  readonly problems: readonly Problem[];
  /** Epoch milliseconds at which a change is taken back that nobody has confirmed by then. */
  readonly changesAtMs: number | undefined;
}

/** `before`: the plans of the last time, whose accepted lists stay. Without a moment every change counts at once. */
export function compileIngress(
  snapshot: Snapshot,
  settings: IngressSettings,
  before: readonly IngressPlan[] = [],
  moment?: Moment,
): CompiledIngress {
  const steps = ingressSteps(snapshot, settings, before, moment);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** How many places between two pauses: after a start all are planned for the first time. */
const PLACES_PER_STEP = 10;

/** The same, with pauses. */
export function* ingressSteps(
  snapshot: Snapshot,
  settings: IngressSettings,
  before: readonly IngressPlan[],
  moment: Moment | undefined,
): Generator<void, CompiledIngress> {
  const former = new Map(before.map((plan) => [plan.metadata.name, plan.spec]));
  const places = placesOf(snapshot, settings);
  const confs = new Map(
    places.map(({ name }) => [name, settleConf(readConf(snapshot, name), former.get(name), moment?.atMs)]),
  );
  const inputsOf = inputsOfPlaces({ snapshot, settings, places, confs, former, moment });
  const planned: PlannedPlace[] = [];
  for (const place of places) {
    planned.push(planOnce(place.workspace ?? ACCOUNT, inputsOf(place)));
    if (planned.length % PLACES_PER_STEP === 0) yield;
  }
  const known = planned.map(({ plan }) => plan);
  const plans = [...known, ...(snapshot.isIncomplete === true ? plansOfUnread(known, before) : [])];
  return {
    plans,
    problems: [...planned.flatMap(({ problems }) => problems), ...strayLists(snapshot, places, settings)],
    changesAtMs: nextEnd(plans, moment),
  };
}

/** Of workspaces that may stand in a file that cannot be read: as they were, but for hosts and ids that others have now. */
function plansOfUnread(
  known: readonly IngressPlan[],
  before: readonly IngressPlan[],
): readonly IngressPlan[] {
  const names = new Set(known.map(({ metadata }) => metadata.name));
  const hosts = new Set(known.flatMap(({ spec }) => spec.hosts ?? []));
  const unread = before.filter(
    ({ metadata, spec }) => !names.has(metadata.name) && !(spec.hosts ?? []).some((host) => hosts.has(host)),
  );
  return withoutTakenIds(unread, known);
}

interface Around {
  readonly snapshot: Snapshot;
  readonly settings: IngressSettings;
  readonly places: readonly Place[];
  readonly confs: ReadonlyMap<string, SettledConf>;
  readonly former: ReadonlyMap<string, IngressPlanSpec>;
  readonly moment: Moment | undefined;
}

function inputsOfPlaces({
  snapshot,
  settings,
  places,
  confs,
  former,
  moment,
}: Around): (place: Place) => PlanInputs {
  const confOf = (name: string): WorkspaceConf | undefined => readable(confs.get(name)?.conf);
  const owners = ownersOfHosts(places, ({ name }) => {
    const had = former.get(name)?.hosts ?? [];
    return { claimed: confs.get(name)?.conf === 'unreadable' ? had : hostsOf(confOf(name)), had };
  });
  const found = listsOf(snapshot);
  const addresses = moment === undefined ? new Map<string, readonly string[]>() : addressesOf(moment);
  return (place) => {
    const { name, workspace } = place;
    return {
      place,
      id: workspace === undefined ? NO_ID : ownId(snapshot, workspace),
      settledConf: confs.get(name) ?? NO_CONF,
      lists: (found.readable.get(name) ?? []).filter((list) => workspace !== undefined || isOfAccount(list)),
      unreadable: unreadableLists(
        snapshot,
        name,
        former.get(name)?.lists.map(({ listId }) => listId),
      ),
      former: former.get(name),
      backendField: settings.backendField,
      owners: hostsOf(confOf(name)).map((host) => owners.get(host)),
      addresses: addresses.get(name) ?? [],
      atMs: moment?.atMs,
    };
  };
}

const NO_CONF: SettledConf = { conf: undefined, version: undefined, trial: undefined, problems: [] };

function readable(conf: SettledConf['conf']): WorkspaceConf | undefined {
  return conf === 'unreadable' ? undefined : conf;
}

function nextEnd(plans: readonly IngressPlan[], moment: Moment | undefined): number | undefined {
  if (moment === undefined) return undefined;
  const ends = plans
    .flatMap(({ spec }) => spec.trials ?? [])
    .map(({ until }) => Date.parse(until))
    .filter((endMs) => endMs > moment.atMs);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** All that a plan depends on. */
interface PlanInputs {
  readonly place: Place;
  readonly id: string;
  readonly settledConf: SettledConf;
  readonly lists: readonly IpAccessList[];
  readonly unreadable: readonly string[];
  readonly former: IngressPlanSpec | undefined;
  readonly backendField: BackendField;
  /** Of the hosts of the WorkspaceConf, in order. */
  readonly owners: readonly (string | undefined)[];
  /** Of administrators. */
  readonly addresses: readonly string[];
  readonly atMs: number | undefined;
}

interface PlannedPlace {
  readonly plan: IngressPlan;
  readonly problems: readonly Problem[];
}

type PlanMemory = Pick<IngressPlanSpec, 'confVersion' | 'trials'>;
type PlanContent = Omit<IngressPlanSpec, 'revision' | keyof PlanMemory>;

/** Between the parts of what a plan depends on. */
const END = Symbol('end');
/** The account is no object of its own. */
const ACCOUNT = {};

/** Of 1,000 workspaces only those are planned again of which something changed. */
const planOnce = memoize(
  (_: object, inputs: PlanInputs): PlannedPlace => planOf(inputs),
  (_, { place, id, settledConf, lists, unreadable, former, backendField, owners, addresses, atMs }) => [
    ...[
      place.name,
      id,
      settledConf.conf,
      settledConf.version,
      settledConf.trial?.until,
      former,
      backendField,
    ],
    // Whether something is taken back.
    ...(former?.trials ?? []).map((trial) => isOver(trial, atMs)),
    ...[END, ...lists, END, ...unreadable, END, ...owners, END, ...addresses],
  ],
);

function planOf(inputs: PlanInputs): PlannedPlace {
  const { place, id, settledConf, lists, unreadable, former, backendField, owners, addresses, atMs } = inputs;
  const { name, workspace } = place;
  const conf = settledConf.conf;
  const settled = settleLists({
    ...{ lists, unreadable, former, addresses, atMs },
    isOn: isSwitchedOn(conf, former) && !isBelowEnterprise(workspace),
    conf: readable(conf),
    isConfTried: settledConf.trial !== undefined,
  });
  const served =
    conf === 'unreadable' ? servedBefore(former) : servedBy({ conf, name, backendField, owners });
  const content: PlanContent = {
    level: workspace === undefined ? 'ACCOUNT' : 'WORKSPACE',
    workspaceId: id,
    enableIpAccessLists: settled.isOn,
    lists: [...settled.lists],
    ...(settled.unreadable.length === 0 ? {} : { unreadableLists: [...settled.unreadable] }),
    ...served.fields,
  };
  const found = [...settledConf.problems, ...settled.problems];
  const annotated = conf === 'unreadable' || conf === undefined ? lists : [...lists, conf];
  const annotations = annotated.flatMap(ignoredAnnotations).filter((one) => !isAbout(found, one));
  const memory = memoryOf(settledConf, settled.trials);
  const spec = { ...content, ...memory, revision: contentHash(content) };
  return {
    plan: { kind: 'IngressPlan', metadata: { name }, spec },
    problems: [
      ...found,
      ...served.problems,
      ...ignoredLists(workspace, lists),
      ...emptyLists(settled, lists),
      ...annotations,
      ...(settled.isOn ? settled.unreadable.map((list) => closedBy(list, name)) : []),
    ],
  };
}

/** Whether the same part of the same object has a problem already. */
function isAbout(problems: readonly Problem[], { object, field }: Problem): boolean {
  return problems.some((problem) => problem.object === object && problem.field === field);
}

/** What only the operator needs; gateways need not apply a plan again because of it. */
function memoryOf({ version, trial }: SettledConf, ofLists: readonly Trial[]): PlanMemory {
  const trials = trial === undefined ? [...ofLists] : [...ofLists, trial];
  return {
    ...(version === undefined ? {} : { confVersion: version }),
    ...(trials.length === 0 ? {} : { trials }),
  };
}

function closedBy(list: string, namespace: string): Problem {
  if (list === UNKNOWN_LISTS) {
    const message =
      'Nobody may access the workspace until every file of the folder can be read: one that cannot may hold its IpAccessLists';
    return {
      reason: 'WorkspaceUnreadable',
      message,
      object: formatKey({ kind: 'Workspace', namespace: '', name: namespace }),
    };
  }
  return {
    reason: 'InvalidValue',
    message: 'Until it can be read, nobody may access the workspace; correct or delete it',
    object: formatKey({ kind: 'IpAccessList', namespace, name: list }),
  };
}

/** A switch that cannot be read counts as on, unless it is known to be off. */
function isSwitchedOn(
  conf: WorkspaceConf | 'unreadable' | undefined,
  former: IngressPlanSpec | undefined,
): boolean {
  if (conf === 'unreadable') return former?.enableIpAccessLists ?? true;
  return conf?.spec.enableIpAccessLists === true;
}

/** R82. */
function isBelowEnterprise(workspace: Workspace | undefined): boolean {
  return workspace !== undefined && workspace.tier !== 'ENTERPRISE';
}

function ignoredLists(workspace: Workspace | undefined, lists: readonly IpAccessList[]): readonly Problem[] {
  if (!isBelowEnterprise(workspace)) return [];
  const message = `The list has no effect: workspace "${workspace?.metadata.name}" is in tier ${workspace?.tier}, and IP access lists need ENTERPRISE`;
  return lists.map((list) => problemAbout(list, 'RulesIgnored', message));
}
