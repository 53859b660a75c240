// Everything that was observed at one moment, parsed; the only input of the pure middle.
import type { IpAccessList } from './ip-access-list.ts';
import type { Metastore } from './metastore.ts';
import type { NetworkPolicy } from './network-policy.ts';
import type { PolicyAssignment } from './policy-assignment.ts';
import type { PrivateEndpoint } from './private-endpoint.ts';
import type { Workspace } from './workspace.ts';
import type { WorkspaceConf } from './workspace-conf.ts';

export type ObservedObject =
  | NetworkPolicy
  | PolicyAssignment
  | Metastore
  | PrivateEndpoint
  | WorkspaceConf
  | IpAccessList
  | Workspace;

export type ObservedKind = ObservedObject['kind'];

export interface ObjectKey {
  readonly kind: ObservedKind;
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
}

export interface Snapshot {
  readonly objects: readonly ObservedObject[];
  /** Objects that exist but cannot be understood; what depends on them is denied. */
  readonly unreadable: readonly ObjectKey[];
}

export const EMPTY_SNAPSHOT: Snapshot = { objects: [], unreadable: [] };

export function keyOf(object: ObservedObject): ObjectKey {
  return { kind: object.kind, name: object.metadata.name, namespace: object.metadata.namespace ?? '' };
}

/** "NetworkPolicy/acme" or "WorkspaceConf/analytics/workspace": unique, and readable in messages. */
export function formatKey(key: ObjectKey): string {
  return [key.kind, ...(key.namespace === '' ? [] : [key.namespace]), key.name].join('/');
}

/** The objects of one kind, in order of name, so that outputs do not depend on the order of input. */
export function objectsOf<Kind extends ObservedKind>(
  snapshot: Snapshot,
  kind: Kind,
): readonly Extract<ObservedObject, { kind: Kind }>[] {
  return snapshot.objects
    .filter((object): object is Extract<ObservedObject, { kind: Kind }> => object.kind === kind)
    .toSorted((a, b) => compareText(formatKey(keyOf(a)), formatKey(keyOf(b))));
}

export function isUnreadable(snapshot: Snapshot, kind: ObservedKind, name: string, namespace = ''): boolean {
  return snapshot.unreadable.some(
    (key) => key.kind === kind && key.name === name && key.namespace === namespace,
  );
}

/** Code-unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
