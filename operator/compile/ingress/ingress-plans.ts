// Snapshot -> an IngressPlan per workspace, and one of the account where it has lists or hosts. What cannot be read
// denies; of two workspaces that claim a host the older one has it.
import { memoize } from '../../lib/memo.ts';
import type { IngressPlan, IngressPlanSpec } from '../../model/ingress-plan.ts';
import { ACCOUNT_LABEL, type IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import {
  compareText,
  findObject,
  formatKey,
  isUnreadable,
  objectsOf,
  problemAbout,
  type Snapshot,
} from '../../model/snapshot.ts';
import type { Workspace } from '../../model/workspace.ts';
import { WORKSPACE_CONF_NAME, type WorkspaceConf } from '../../model/workspace-conf.ts';
import { contentHash } from '../content-hash.ts';
import { acceptLists } from './accept-lists.ts';
import { type BackendField, hostsOf, servedBefore, servedBy } from './served-hosts.ts';

export interface IngressSettings {
  /** Lists of the account stand in it. */
  readonly systemNamespace: string;
  readonly backendField: BackendField;
}

export interface CompiledIngress {
  readonly plans: readonly IngressPlan[];
  readonly problems: readonly Problem[];
}

/** `before`: the plans of the last time, whose accepted lists stay. */
export function compileIngress(
  snapshot: Snapshot,
  settings: IngressSettings,
  before: readonly IngressPlan[] = [],
): CompiledIngress {
  const former = new Map(before.map((plan) => [plan.metadata.name, plan.spec]));
  const places = placesOf(snapshot, settings);
  const owners = ownersOfHosts(snapshot, places);
  const { readable, unreadable } = listsOf(snapshot);
  const planned = places.map((place) => {
    const { name, workspace } = place;
    const conf = readConf(snapshot, name);
    return planOnce(workspace ?? ACCOUNT, {
      place,
      conf,
      lists: (readable.get(name) ?? []).filter((list) => workspace !== undefined || isOfAccount(list)),
      unreadable: unreadable.get(name) ?? [],
      former: former.get(name),
      backendField: settings.backendField,
      owners: conf === 'unreadable' ? [] : hostsOf(conf).map((host) => owners.get(host)),
    });
  });
  return {
    plans: planned.map(({ plan }) => plan),
    problems: [...planned.flatMap(({ problems }) => problems), ...strayLists(snapshot, places, settings)],
  };
}

/** What people access: a workspace, or the account. */
interface Place {
  /** Namespace. */
  readonly name: string;
  readonly workspace?: Workspace;
}

function placesOf(snapshot: Snapshot, { systemNamespace }: IngressSettings): readonly Place[] {
  const workspaces = objectsOf(snapshot, 'Workspace').map((workspace) => ({
    name: workspace.metadata.name,
    workspace,
  }));
  if (workspaces.some(({ name }) => name === systemNamespace)) return workspaces;
  const hasAccount =
    findConf(snapshot, systemNamespace) !== undefined ||
    [...snapshot.objects, ...snapshot.unreadable].some((object) => {
      const key = 'metadata' in object ? { kind: object.kind, namespace: object.metadata.namespace } : object;
      return (
        (key.kind === 'IpAccessList' || key.kind === 'WorkspaceConf') && key.namespace === systemNamespace
      );
    });
  return hasAccount ? [...workspaces, { name: systemNamespace }] : workspaces;
}

function findConf(snapshot: Snapshot, namespace: string): WorkspaceConf | undefined {
  return findObject(snapshot, 'WorkspaceConf', WORKSPACE_CONF_NAME, namespace);
}

/** Host -> Namespace that has it: the oldest workspace that claims it. */
function ownersOfHosts(snapshot: Snapshot, places: readonly Place[]): ReadonlyMap<string, string> {
  const youngestFirst = places
    .toSorted((a, b) => compareText(createdAt(a), createdAt(b)) || compareText(a.name, b.name))
    .toReversed();
  return new Map(
    youngestFirst.flatMap(({ name }) =>
      hostsOf(findConf(snapshot, name)).map((host) => [host, name] as const),
    ),
  );
}

function createdAt({ workspace }: Place): string {
  return workspace?.metadata.creationTimestamp ?? '';
}

/** All that a plan depends on. */
interface PlanInputs {
  readonly place: Place;
  readonly conf: WorkspaceConf | 'unreadable' | undefined;
  readonly lists: readonly IpAccessList[];
  readonly unreadable: readonly string[];
  readonly former: IngressPlanSpec | undefined;
  readonly backendField: BackendField;
  /** Of the hosts of `conf`, in order. */
  readonly owners: readonly (string | undefined)[];
}

interface PlannedPlace {
  readonly plan: IngressPlan;
  readonly problems: readonly Problem[];
}

/** Between the parts of what a plan depends on. */
const END = Symbol('end');
/** The account is no object of its own. */
const ACCOUNT = {};

/** Of 1,000 workspaces only those are planned again of which something changed. */
const planOnce = memoize(
  (_: object, inputs: PlanInputs): PlannedPlace => planOf(inputs),
  (_, { place, conf, lists, unreadable, former, backendField, owners }) => [
    ...[place.name, conf, former, backendField],
    ...[...lists, END, ...unreadable, END, ...owners],
  ],
);

function planOf(inputs: PlanInputs): PlannedPlace {
  const { place, conf, lists, unreadable, former, backendField, owners } = inputs;
  const { name, workspace } = place;
  const accepted = acceptLists(lists, unreadable, former?.lists ?? []);
  const served =
    conf === 'unreadable' ? servedBefore(former) : servedBy({ conf, name, backendField, owners });
  const content: Omit<IngressPlanSpec, 'revision'> = {
    level: workspace === undefined ? 'ACCOUNT' : 'WORKSPACE',
    workspaceId: workspace?.id ?? '',
    enableIpAccessLists: isSwitchedOn(conf, former) && !isBelowEnterprise(workspace),
    lists: [...accepted.lists],
    ...(accepted.unreadable.length === 0 ? {} : { unreadableLists: [...accepted.unreadable] }),
    ...served.fields,
  };
  return {
    plan: { kind: 'IngressPlan', metadata: { name }, spec: { ...content, revision: contentHash(content) } },
    problems: [
      ...accepted.problems,
      ...served.problems,
      ...ignoredLists(workspace, lists),
      ...(content.enableIpAccessLists ? accepted.unreadable.map((list) => closedBy(list, name)) : []),
    ],
  };
}

function closedBy(list: string, namespace: string): Problem {
  return {
    reason: 'InvalidValue',
    message: 'Until it can be read, nobody may access the workspace; correct or delete it',
    object: formatKey({ kind: 'IpAccessList', namespace, name: list }),
  };
}

interface ListsOfNamespaces {
  readonly readable: ReadonlyMap<string, readonly IpAccessList[]>;
  readonly unreadable: ReadonlyMap<string, readonly string[]>;
}

const listsOf = memoize((snapshot: Snapshot): ListsOfNamespaces => {
  const unreadable = snapshot.unreadable
    .filter(({ kind }) => kind === 'IpAccessList')
    .toSorted((a, b) => compareText(a.name, b.name));
  const readable = Map.groupBy(
    objectsOf(snapshot, 'IpAccessList'),
    ({ metadata }) => metadata.namespace ?? '',
  );
  const names = [...Map.groupBy(unreadable, ({ namespace }) => namespace)].map(
    ([namespace, keys]) => [namespace, keys.map(({ name }) => name)] as const,
  );
  return { readable, unreadable: new Map(names) };
});

function readConf(snapshot: Snapshot, namespace: string): WorkspaceConf | 'unreadable' | undefined {
  const isBroken = isUnreadable(snapshot, 'WorkspaceConf', WORKSPACE_CONF_NAME, namespace);
  return findConf(snapshot, namespace) ?? (isBroken ? 'unreadable' : undefined);
}

/** A switch that cannot be read counts as on, unless it is known to be off. */
function isSwitchedOn(
  conf: WorkspaceConf | 'unreadable' | undefined,
  former: IngressPlanSpec | undefined,
): boolean {
  if (conf === 'unreadable') return former?.enableIpAccessLists ?? true;
  return conf?.spec.enableIpAccessLists === true;
}

function isOfAccount({ metadata }: IpAccessList): boolean {
  return metadata.labels?.[ACCOUNT_LABEL] !== undefined;
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

/** Lists that are for nobody. */
function strayLists(
  snapshot: Snapshot,
  places: readonly Place[],
  { systemNamespace }: IngressSettings,
): readonly Problem[] {
  const names = new Set(places.flatMap(({ name, workspace }) => (workspace === undefined ? [] : [name])));
  return objectsOf(snapshot, 'IpAccessList')
    .filter(({ metadata }) => !names.has(metadata.namespace ?? ''))
    .filter((list) => list.metadata.namespace !== systemNamespace || !isOfAccount(list))
    .map((list) => {
      const message = `The list has no effect: Namespace "${list.metadata.namespace}" is no workspace; label it with sallyport.dev/workspace`;
      return problemAbout(list, 'WorkspaceNotFound', message, 'metadata.namespace');
    });
}
