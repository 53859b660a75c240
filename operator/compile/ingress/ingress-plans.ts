// Snapshot -> an IngressPlan per workspace, and one of the account where it has lists or hosts. What cannot be read
// denies; of two workspaces that claim a host the older one has it.
import { parseNamePattern } from '../../model/domain-name.ts';
import type { IngressPlan, IngressPlanSpec, PlannedBackend } from '../../model/ingress-plan.ts';
import { ACCOUNT_LABEL, type IpAccessList } from '../../model/ip-access-list.ts';
import type { Problem } from '../../model/problem.ts';
import {
  compareText,
  findObject,
  isUnreadable,
  objectsOf,
  problemAbout,
  type Snapshot,
} from '../../model/snapshot.ts';
import type { Workspace } from '../../model/workspace.ts';
import { WORKSPACE_CONF_NAME, type WorkspaceConf } from '../../model/workspace-conf.ts';
import { contentHash } from '../content-hash.ts';
import { acceptLists } from './accept-lists.ts';

export interface IngressSettings {
  /** Lists of the account stand in it. */
  readonly systemNamespace: string;
  /** What serves a workspace: a Service of its Namespace in a cluster, an address in a folder. */
  readonly backendField: 'serviceName' | 'address';
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
  const planned = places.map((place) =>
    planOf(snapshot, place, { settings, owners, former: former.get(place.name) }),
  );
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

function hostsOf(conf: WorkspaceConf | undefined): readonly string[] {
  const names = (conf?.spec.ingress?.hosts ?? []).flatMap((host) => {
    const parsed = parseNamePattern(host);
    return 'pattern' in parsed ? [parsed.pattern.name] : [];
  });
  return [...new Set(names)];
}

interface Around {
  readonly settings: IngressSettings;
  readonly owners: ReadonlyMap<string, string>;
  readonly former: IngressPlanSpec | undefined;
}

function planOf(
  snapshot: Snapshot,
  { name, workspace }: Place,
  { settings, owners, former }: Around,
): { readonly plan: IngressPlan; readonly problems: readonly Problem[] } {
  const conf = findConf(snapshot, name);
  const isConfUnreadable =
    conf === undefined && isUnreadable(snapshot, 'WorkspaceConf', WORKSPACE_CONF_NAME, name);
  const found = objectsOf(snapshot, 'IpAccessList').filter(
    (list) => list.metadata.namespace === name && (workspace !== undefined || isOfAccount(list)),
  );
  const accepted = acceptLists(found, former?.lists ?? []);
  const kept = unreadableLists(snapshot, name);
  const served = isConfUnreadable ? servedBefore(former) : servedBy(conf, name, settings, owners);
  const content: Omit<IngressPlanSpec, 'revision'> = {
    level: workspace === undefined ? 'ACCOUNT' : 'WORKSPACE',
    workspaceId: workspace?.id ?? '',
    // A switch that cannot be read counts as on, unless it is known to be off.
    enableIpAccessLists: isBelowEnterprise(workspace)
      ? false
      : isConfUnreadable
        ? (former?.enableIpAccessLists ?? true)
        : (conf?.spec.enableIpAccessLists ?? false),
    lists: [...accepted.lists, ...(former?.lists ?? []).filter(({ listId }) => kept.includes(listId))],
    ...unreadableField(kept.filter((listId) => !former?.lists.some((list) => list.listId === listId))),
    ...served.fields,
  };
  return {
    plan: { kind: 'IngressPlan', metadata: { name }, spec: { ...content, revision: contentHash(content) } },
    problems: [...accepted.problems, ...served.problems, ...ignoredLists(workspace, found)],
  };
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

function unreadableLists(snapshot: Snapshot, namespace: string): readonly string[] {
  return snapshot.unreadable
    .filter((key) => key.kind === 'IpAccessList' && key.namespace === namespace)
    .map(({ name }) => name)
    .toSorted(compareText);
}

function unreadableField(names: readonly string[]): Pick<IngressPlanSpec, 'unreadableLists'> {
  return names.length === 0 ? {} : { unreadableLists: [...names] };
}

type Served = Pick<IngressPlanSpec, 'hosts' | 'backends' | 'tlsSecretName' | 'tlsPassthrough'>;

interface ServedResult {
  readonly fields: Served;
  readonly problems: readonly Problem[];
}

const NOTHING_SERVED: Served = { tlsPassthrough: false };

function servedBefore(former: IngressPlanSpec | undefined): ServedResult {
  if (former === undefined) return { fields: NOTHING_SERVED, problems: [] };
  const { hosts, backends, tlsSecretName, tlsPassthrough } = former;
  const fields = {
    ...(hosts === undefined ? {} : { hosts }),
    ...(backends === undefined ? {} : { backends }),
    ...(tlsSecretName === undefined ? {} : { tlsSecretName }),
    tlsPassthrough,
  };
  return { fields, problems: [] };
}

function servedBy(
  conf: WorkspaceConf | undefined,
  name: string,
  { backendField }: IngressSettings,
  owners: ReadonlyMap<string, string>,
): ServedResult {
  const ingress = conf?.spec.ingress;
  if (conf === undefined || ingress === undefined) return { fields: NOTHING_SERVED, problems: [] };
  const hosts = hostsOf(conf);
  const taken = hosts.filter((host) => owners.get(host) !== name);
  const backends = ingress.backends ?? [];
  const isUsable = (backend: PlannedBackend): boolean =>
    backend[backendField] !== undefined && Object.keys(backend).length === 2;
  const fields = {
    hosts: hosts.filter((host) => !taken.includes(host)),
    backends: backends.filter(isUsable),
    ...(ingress.tlsSecretName === undefined ? {} : { tlsSecretName: ingress.tlsSecretName }),
    tlsPassthrough: ingress.tlsPassthrough,
  };
  const problems = [
    ...taken.map((host) => takenProblem(conf, host, owners.get(host))),
    ...backends.flatMap((backend, at) => (isUsable(backend) ? [] : [backendProblem(conf, at, backendField)])),
  ];
  return { fields, problems };
}

function takenProblem(conf: WorkspaceConf, host: string, owner: string | undefined): Problem {
  const message = `Cannot use host "${host}": workspace "${owner}" has it; remove it from one of the two`;
  return problemAbout(conf, 'HostTaken', message, 'spec.ingress.hosts');
}

function backendProblem(conf: WorkspaceConf, at: number, field: IngressSettings['backendField']): Problem {
  const message =
    field === 'serviceName'
      ? 'Cannot use this backend: in a cluster write "serviceName" and "port", the Service is in this Namespace'
      : 'Cannot use this backend: in a folder write "address" and "port", there are no Services';
  return problemAbout(conf, 'InvalidValue', message, `spec.ingress.backends[${at}]`);
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
