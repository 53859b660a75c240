// What people access, and what was written for it: workspaces, and the account. Of two that claim a host the one that
// had it keeps it; else the older one has it.
import { memoize } from '../../lib/memo.ts';
import { ACCOUNT_LABEL, type IpAccessList } from '../../model/ip-access-list.ts';
import { didYouMean } from '../../model/nearest-name.ts';
import type { Problem } from '../../model/problem.ts';
import {
  compareText,
  findObject,
  isUnreadable,
  objectsOf,
  problemAbout,
  type Snapshot,
} from '../../model/snapshot.ts';
import { WORKSPACE_LABEL, type Workspace } from '../../model/workspace.ts';
import { WORKSPACE_CONF_NAME, type WorkspaceConf } from '../../model/workspace-conf.ts';
import type { BackendField } from './served-hosts.ts';

export interface IngressSettings {
  /** Lists of the account stand in it. */
  readonly systemNamespace: string;
  readonly backendField: BackendField;
}

/** What people access: a workspace, or the account. */
export interface Place {
  /** Namespace. */
  readonly name: string;
  readonly workspace?: Workspace;
}

export function placesOf(snapshot: Snapshot, { systemNamespace }: IngressSettings): readonly Place[] {
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

/** The hosts that a place claims, and those that it had so far. */
export interface HostClaims {
  readonly claimed: readonly string[];
  readonly had: readonly string[];
}

/** Host -> Namespace that has it: who had it keeps it while it claims it; else the oldest workspace that claims it. */
export function ownersOfHosts(
  places: readonly Place[],
  claimsOf: (place: Place) => HostClaims,
): ReadonlyMap<string, string> {
  const claims = places
    .toSorted((a, b) => compareText(createdAt(a), createdAt(b)) || compareText(a.name, b.name))
    .flatMap((place) => {
      const { claimed, had } = claimsOf(place);
      return claimed.map((host) => ({ host, place: place.name, hadIt: had.includes(host) }));
    });
  const owners = new Map<string, string>();
  for (const { host, place } of [...claims.filter(({ hadIt }) => hadIt), ...claims]) {
    if (!owners.has(host)) owners.set(host, place);
  }
  return owners;
}

function createdAt({ workspace }: Place): string {
  return workspace?.metadata.creationTimestamp ?? '';
}

interface ListsOfNamespaces {
  readonly readable: ReadonlyMap<string, readonly IpAccessList[]>;
  readonly unreadable: ReadonlyMap<string, readonly string[]>;
}

export const listsOf = memoize((snapshot: Snapshot): ListsOfNamespaces => {
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

export function readConf(snapshot: Snapshot, namespace: string): WorkspaceConf | 'unreadable' | undefined {
  const isBroken =
    snapshot.isIncomplete === true || isUnreadable(snapshot, 'WorkspaceConf', WORKSPACE_CONF_NAME, namespace);
  return findConf(snapshot, namespace) ?? (isBroken ? 'unreadable' : undefined);
}

/** Stands for the lists that a file may hold which was never read; no list has such a name. */
export const UNKNOWN_LISTS = '(unreadable file)';

/** Names of lists that exist, or may, and cannot be read. `former` are those of the last plan, where there was one. */
export function unreadableLists(
  snapshot: Snapshot,
  namespace: string,
  former: readonly string[] | undefined,
): readonly string[] {
  const { readable, unreadable } = listsOf(snapshot);
  const names = unreadable.get(namespace) ?? [];
  if (snapshot.isIncomplete !== true) return names;
  if (former === undefined) return [...names, UNKNOWN_LISTS];
  const found = new Set([...names, ...(readable.get(namespace) ?? []).map(({ metadata }) => metadata.name)]);
  return [...names, ...former.filter((name) => !found.has(name))];
}

export function isOfAccount({ metadata }: IpAccessList): boolean {
  return metadata.labels?.[ACCOUNT_LABEL] !== undefined;
}

/** Lists that are for nobody. */
export function strayLists(
  snapshot: Snapshot,
  places: readonly Place[],
  { systemNamespace }: IngressSettings,
): readonly Problem[] {
  const names = new Set(places.flatMap(({ name, workspace }) => (workspace === undefined ? [] : [name])));
  return objectsOf(snapshot, 'IpAccessList')
    .filter(({ metadata }) => !names.has(metadata.namespace ?? ''))
    .filter((list) => list.metadata.namespace !== systemNamespace || !isOfAccount(list))
    .map((list) => {
      const { name, namespace } = list.metadata;
      const fix =
        namespace === systemNamespace
          ? `is the system's, whose lists are for the account; label the list "${name}" with ${ACCOUNT_LABEL}`
          : `is no workspace; label it with ${WORKSPACE_LABEL}${didYouMean(namespace ?? '', [...names])}`;
      const message = `The list has no effect: Namespace "${namespace}" ${fix}`;
      return problemAbout(list, 'WorkspaceNotFound', message, 'metadata.namespace');
    });
}
