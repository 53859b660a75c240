// Where the objects are: a cluster or a folder. What a caller may do, the store decides; what an object may say, the
// resources decide. All writes are conditional on what they were decided from.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { ClusterResource } from '../../model/cluster-resources.ts';

/** With a resourceVersion; of a folder it is a hash. */
export type StoredObject = KubernetesObject;

export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export type Write =
  | { readonly verb: 'create' | 'replace' | 'remove'; readonly object: KubernetesObject }
  /** All is as it should be. */
  | { readonly verb: 'keep'; readonly object: KubernetesObject };

/** Everything that decides who may access a workspace, or the account. */
export interface AccessObjects {
  readonly conf: StoredObject | undefined;
  readonly lists: readonly StoredObject[];
}

/** What one caller may see and do. Throws an ApiError where the caller may not. */
export interface Session {
  /** Whether objects come back with more than was written: with a default for each field that was left out. */
  readonly addsDefaults: boolean;
  /** Name of the caller. */
  user(): Promise<string>;
  list(resource: ClusterResource, namespace?: string): Promise<readonly StoredObject[]>;
  get(resource: ClusterResource, name: ObjectName): Promise<StoredObject | undefined>;
  /** Decides, and writes if nobody has changed the object meanwhile; else decides again. */
  change(
    resource: ClusterResource,
    name: ObjectName,
    decide: (current: StoredObject | undefined) => Write | Promise<Write>,
  ): Promise<StoredObject>;
  /**
   * The same for a list or the WorkspaceConf of a Namespace. There is one such change at a time, whoever makes it, so
   * that several together cannot exceed what each keeps to.
   */
  changeAccess(namespace: string, decide: (objects: AccessObjects) => Write): Promise<StoredObject>;
}

export interface ObjectStore {
  /** Throws an ApiError for a token that nobody has. */
  signIn(token: string): Promise<Session>;
}
