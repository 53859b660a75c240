// Everything that was observed at one moment, parsed; the only input of the pure middle.
import { memoize } from '../lib/memo.ts';
import type { IpAccessList } from './ip-access-list.ts';
import type { Metastore } from './metastore.ts';
import type { NetworkPolicy } from './network-policy.ts';
import type { PolicyAssignment } from './policy-assignment.ts';
import type { PrivateEndpoint } from './private-endpoint.ts';
import type { Problem, ProblemReason } from './problem.ts';
import type { TlsSecret } from './tls-secret.ts';
import type { Workspace } from './workspace.ts';
import type { WorkspaceConf } from './workspace-conf.ts';

export type ObservedObject =
  | NetworkPolicy
  | PolicyAssignment
  | Metastore
  | PrivateEndpoint
  | WorkspaceConf
  | IpAccessList
  | TlsSecret
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
  /** Objects that exist but cannot be parsed; what depends on them is denied. */
  readonly unreadable: readonly ObjectKey[];
  /** Set where a file that was never read may hold further objects: what is not here may exist all the same. */
  readonly isIncomplete?: boolean;
}

export const EMPTY_SNAPSHOT: Snapshot = { objects: [], unreadable: [] };

export function keyOf(object: ObservedObject): ObjectKey {
  return { kind: object.kind, name: object.metadata.name, namespace: object.metadata.namespace ?? '' };
}

/** "NetworkPolicy/acme" or "WorkspaceConf/analytics/workspace": unique, and readable in messages. */
export function formatKey(key: ObjectKey): string {
  return [key.kind, ...(key.namespace === '' ? [] : [key.namespace]), key.name].join('/');
}

export function problemAbout(
  object: ObservedObject,
  reason: ProblemReason,
  message: string,
  field?: string,
): Problem {
  return { reason, message, object: formatKey(keyOf(object)), ...(field === undefined ? {} : { field }) };
}

type ObjectOf<Kind extends ObservedKind> = Extract<ObservedObject, { kind: Kind }>;

/** The objects of one kind, in order of name, so that outputs do not depend on the order of input. */
export function objectsOf<Kind extends ObservedKind>(
  snapshot: Snapshot,
  kind: Kind,
): readonly ObjectOf<Kind>[] {
  // The index keeps each kind apart; TypeScript cannot follow that through a Map.
  return (indexOf(snapshot).byKind.get(kind) ?? []) as readonly ObjectOf<Kind>[];
}

/** The one object of that name; `namespace` for namespaced kinds. */
export function findObject<Kind extends ObservedKind>(
  snapshot: Snapshot,
  kind: Kind,
  name: string,
  namespace = '',
): ObjectOf<Kind> | undefined {
  return indexOf(snapshot).byKey.get(formatKey({ kind, name, namespace })) as ObjectOf<Kind> | undefined;
}

export function isUnreadable(snapshot: Snapshot, kind: ObservedKind, name: string, namespace = ''): boolean {
  return indexOf(snapshot).unreadable.has(formatKey({ kind, name, namespace }));
}

interface SnapshotIndex {
  readonly byKind: ReadonlyMap<ObservedKind, readonly ObservedObject[]>;
  readonly byKey: ReadonlyMap<string, ObservedObject>;
  readonly unreadable: ReadonlySet<string>;
}

/** A snapshot never changes, so what is remembered of it is no state: everything asks it once per workspace. */
const indexOf = memoize(({ objects, unreadable }: Snapshot): SnapshotIndex => {
  const sorted = objects
    .map((object) => [formatKey(keyOf(object)), object] as const)
    .toSorted(([a], [b]) => compareText(a, b));
  return {
    byKind: Map.groupBy(
      sorted.map(([, object]) => object),
      ({ kind }) => kind,
    ),
    byKey: new Map(sorted),
    unreadable: new Set(unreadable.map(formatKey)),
  };
});

/** Code-unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
