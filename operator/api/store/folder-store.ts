// The folder of `sallyport run` as the store: tokens from a file say who may do what, objects are YAML files. One
// process uses the folder's state directory, so changes in turn are all that is needed against lost updates.
import type { ClusterResource } from '../../model/cluster-resources.ts';
import { IP_ACCESS_LISTS, WORKSPACE_CONFS } from '../../model/cluster-resources.ts';
import { WORKSPACE_CONF_NAME } from '../../model/workspace-conf.ts';
import { ApiError } from '../api-error.ts';
import { FolderObjects, isNamed, type PlacedObject } from './folder-objects.ts';
import { InTurn } from './in-turn.ts';
import type { AccessObjects, ObjectName, ObjectStore, Session, StoredObject, Write } from './object-store.ts';
import { refuseUnreadable } from './readable-object.ts';
import type { TokenFile, TokenHolder } from './token-file.ts';
import { FileChanged } from './user-file.ts';

export interface FolderStoreOptions {
  readonly folder: string;
  readonly tokens: TokenFile;
  /** Id of the workspace that a Namespace is. */
  readonly workspaceIdOf: (namespace: string) => string | undefined;
  /** Called after each change. */
  readonly onChange: () => void;
}

export class FolderStore implements ObjectStore {
  readonly #options: FolderStoreOptions;
  readonly #objects: FolderObjects;
  readonly #turns = new InTurn();

  constructor(options: FolderStoreOptions) {
    this.#options = options;
    this.#objects = new FolderObjects(options.folder);
  }

  async signIn(token: string): Promise<Session> {
    const holder = await this.#options.tokens.holderOf(token, Date.now());
    return new FolderSession(holder, this.#options, this.#objects, this.#turns);
  }
}

/** Of a change whose file somebody else changes meanwhile. */
const MAX_ATTEMPTS = 5;

/** Writers of the whole folder wait for each other; readers for nobody. */
const FOLDER = 'folder';

class FolderSession implements Session {
  readonly addsDefaults = false;
  readonly #holder: TokenHolder;
  readonly #options: FolderStoreOptions;
  readonly #objects: FolderObjects;
  readonly #turns: InTurn;

  constructor(holder: TokenHolder, options: FolderStoreOptions, objects: FolderObjects, turns: InTurn) {
    this.#holder = holder;
    this.#options = options;
    this.#objects = objects;
    this.#turns = turns;
  }

  user(): Promise<string> {
    return Promise.resolve(this.#holder.name);
  }

  async list(resource: ClusterResource, namespace?: string): Promise<readonly StoredObject[]> {
    this.#check(namespace);
    return objectsIn(await this.#objects.all(), resource, namespace);
  }

  async get(resource: ClusterResource, name: ObjectName): Promise<StoredObject | undefined> {
    this.#check(name.namespace);
    return (await this.#objects.all()).find((placed) => isNamed(placed, resource.kind, name))?.object;
  }

  change(
    resource: ClusterResource,
    name: ObjectName,
    decide: (current: StoredObject | undefined) => Write | Promise<Write>,
  ): Promise<StoredObject> {
    this.#check(name.namespace);
    return this.#inTurn(async (all) =>
      decide(all.find((placed) => isNamed(placed, resource.kind, name))?.object),
    );
  }

  changeAccess(namespace: string, decide: (objects: AccessObjects) => Write): Promise<StoredObject> {
    this.#check(namespace);
    return this.#inTurn((all) => {
      const name = { namespace, name: WORKSPACE_CONF_NAME };
      const conf = all.find((placed) => isNamed(placed, WORKSPACE_CONFS.kind, name))?.object;
      return decide({ conf, lists: objectsIn(all, IP_ACCESS_LISTS, namespace) });
    });
  }

  #inTurn(decide: (all: readonly PlacedObject[]) => Write | Promise<Write>): Promise<StoredObject> {
    return this.#turns.run(FOLDER, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#decideOnce(decide);
        } catch (error) {
          if (!(error instanceof FileChanged)) throw error;
          if (attempt === MAX_ATTEMPTS) throw aborted(error);
        }
      }
    });
  }

  async #decideOnce(decide: (all: readonly PlacedObject[]) => Write | Promise<Write>): Promise<StoredObject> {
    const all = await this.#objects.all();
    const write = await decide(all);
    if (write.verb === 'keep') return write.object;
    const stored = await this.#write(all, write);
    this.#options.onChange();
    return stored;
  }

  async #write(all: readonly PlacedObject[], { verb, object }: Write): Promise<StoredObject> {
    const found = all.filter((placed) => isNamed(placed, object.kind, object.metadata));
    const [placed, other] = found;
    if (other !== undefined) {
      throw new ApiError(
        'INVALID_STATE',
        `Cannot change ${object.kind} "${object.metadata.name}": it stands in "${placed?.file}" and "${other.file}"; remove one`,
      );
    }
    if (verb === 'remove') {
      if (placed !== undefined) await this.#objects.remove(placed);
      return object;
    }
    refuseUnreadable(object);
    return placed === undefined ? this.#objects.create(object) : this.#objects.replace(placed, object);
  }

  /** Outside workspaces only an administrator may do anything. */
  #check(namespace: string | undefined): void {
    const { admin, workspaces, name } = this.#holder;
    if (admin) return;
    const names = namespace === undefined ? [] : [namespace, this.#options.workspaceIdOf(namespace)];
    if (names.some((one) => one !== undefined && workspaces.includes(one))) return;
    const what = namespace === undefined ? 'the account' : `"${namespace}"`;
    throw new ApiError(
      'PERMISSION_DENIED',
      `The token "${name}" may not administer ${what}: use another, or give it that right in the file of tokens (--api-tokens)`,
    );
  }
}

function aborted({ message }: FileChanged): ApiError {
  return new ApiError(
    'ABORTED',
    `Cannot write "${message}": somebody else changes it at the same time; try again`,
  );
}

function objectsIn(
  all: readonly PlacedObject[],
  { kind }: ClusterResource,
  namespace: string | undefined,
): readonly StoredObject[] {
  return all
    .map(({ object }) => object)
    .filter((object) => object.kind === kind && object.metadata.namespace === namespace);
}
