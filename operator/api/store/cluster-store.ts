// A cluster as the store: every request goes to the API server with the caller's own token, and RBAC decides. This
// process has no rights of its own here.
import {
  type KubernetesObject,
  type ObjectPlace,
  objectKey,
  pathOf,
} from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi, type TokenApis } from '../../lib/kubernetes/kubernetes-api.ts';
import {
  type ClusterResource,
  INPUT_RESOURCES,
  IP_ACCESS_LISTS,
  WORKSPACE_CONFS,
} from '../../model/cluster-resources.ts';
import { WORKSPACE_CONF_NAME } from '../../model/workspace-conf.ts';
import { ApiError } from '../api-error.ts';
import { FIELD_MANAGER } from '../authorship.ts';
import { AccessLock, Contended } from './access-lock.ts';
import { apiErrorOf } from './cluster-errors.ts';
import { InTurn } from './in-turn.ts';
import type { AccessObjects, ObjectName, ObjectStore, Session, StoredObject, Write } from './object-store.ts';
import { refuseUnreadable } from './readable-object.ts';
import { retryContended } from './retry-contended.ts';

type Api = Pick<KubernetesApi, 'request'>;

export class ClusterStore implements ObjectStore {
  readonly #apis: TokenApis;
  /** Changes of one Namespace that come to this process need not contend for its lock. */
  readonly #turns = new InTurn();

  constructor(apis: TokenApis) {
    this.#apis = apis;
  }

  /** The API server looks at the token with the first request. */
  signIn(token: string): Promise<Session> {
    return Promise.resolve(new ClusterSession(this.#apis.as(token), this.#turns));
  }
}

class ClusterSession implements Session {
  readonly addsDefaults = true;
  readonly #api: Api;
  readonly #turns: InTurn;
  #user: Promise<string> | undefined;

  constructor(api: Api, turns: InTurn) {
    this.#turns = turns;
    this.#api = {
      request: (request) =>
        api.request(request).catch((error: unknown) => {
          throw error instanceof ApiFailure ? apiErrorOf(error) : error;
        }),
    };
  }

  user(): Promise<string> {
    this.#user ??= this.#whoAmI();
    return this.#user;
  }

  async #whoAmI(): Promise<string> {
    const answer = await this.#api.request({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    const { status } = answer as { readonly status?: { readonly userInfo?: { readonly username?: string } } };
    return status?.userInfo?.username ?? '';
  }

  async list(resource: ClusterResource, namespace?: string): Promise<readonly StoredObject[]> {
    const list = await this.#api.request({ method: 'GET', path: pathOf(resource, { namespace }) });
    const { apiVersion, kind } = resource;
    const { items } = list as { readonly items: readonly StoredObject[] };
    return items.map((item) => ({ ...item, apiVersion, kind }));
  }

  async get(resource: ClusterResource, place: ObjectName): Promise<StoredObject | undefined> {
    try {
      return (await this.#api.request({ method: 'GET', path: pathOf(resource, place) })) as StoredObject;
    } catch (error) {
      if (error instanceof Contended && error.isMissing) return undefined;
      throw error;
    }
  }

  change(
    resource: ClusterResource,
    place: ObjectName,
    decide: (current: StoredObject | undefined) => Write | Promise<Write>,
  ): Promise<StoredObject> {
    return retryContended(async () => this.#write(await decide(await this.get(resource, place))));
  }

  changeAccess(namespace: string, decide: (objects: AccessObjects) => Write): Promise<StoredObject> {
    const lock = new AccessLock(this.#api, namespace);
    const changeOnce = async (): Promise<StoredObject> => {
      const held = await this.#conf(namespace)
        .then((conf) => lock.take(conf))
        .catch(explainRight);
      try {
        const [conf, lists] = await Promise.all([
          this.#conf(namespace),
          this.list(IP_ACCESS_LISTS, namespace),
        ]);
        return await this.#write(decide({ conf, lists }), held.signal);
      } finally {
        await held.release();
      }
    };
    return this.#turns.run(namespace, () => retryContended(changeOnce));
  }

  #conf(namespace: string): Promise<StoredObject | undefined> {
    return this.get(WORKSPACE_CONFS, { namespace, name: WORKSPACE_CONF_NAME });
  }

  /** With the resourceVersion that the object was read with. */
  async #write({ verb, object }: Write, signal?: AbortSignal): Promise<StoredObject> {
    if (verb === 'keep') return object;
    const resource = resourceOf(object);
    const { namespace, name, resourceVersion } = object.metadata;
    if (verb === 'remove') {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { resourceVersion } };
      const path = pathOf(resource, { namespace, name });
      await this.#api.request({ method: 'DELETE', path, body, ...(signal === undefined ? {} : { signal }) });
      return object;
    }
    refuseUnreadable(object);
    const place: ObjectPlace = verb === 'create' ? { namespace } : { namespace, name };
    const answer = await this.#api.request({
      method: verb === 'create' ? 'POST' : 'PUT',
      path: pathOf(resource, place),
      query: { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' },
      body: object,
      ...(signal === undefined ? {} : { signal }),
    });
    return answer as StoredObject;
  }
}

/** Who may not even take the lock is told what the whole change needs, beside the API server's own sentence. */
function explainRight(error: unknown): never {
  if (!(error instanceof ApiError) || error.code !== 'PERMISSION_DENIED') throw error;
  throw new ApiError(
    'PERMISSION_DENIED',
    `Cannot change lists: it needs the right to write IpAccessLists and the WorkspaceConf of their Namespace, as the role sallyport-workspace-admin has; ${error.message}`,
  );
}

function resourceOf(object: KubernetesObject): ClusterResource {
  const found = INPUT_RESOURCES.find(({ kind }) => kind === object.kind);
  if (found === undefined) throw new Error(`There is no resource for ${objectKey(object)}`);
  return found;
}
