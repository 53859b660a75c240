// A pod -> its owners up to the top, "Deployment/etl": from controller to controller by requests for metadata alone. Whoever
// makes a pod writes what owns it, so an owner is believed only where it is there, in the Namespace of the pod, with the uid
// that the reference names: anything else would let one tenant speak about objects of others. Where that cannot be seen
// (a right is missing, the owner is gone, its kind is not installed or has no Namespaces), the chain ends before it.
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import {
  controllerOf,
  type KubernetesObject,
  type OwnerReference,
  pathOf,
  type Resource,
} from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Clock } from '../../lib/loop.ts';
import { OWNER_API_VERSION, type TopOwner } from '../../model/pod-owner.ts';
import type { SeenPod } from '../../model/seen-pod.ts';
import { isWorkload } from '../../model/workload-kind.ts';

export interface OwnerChainOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  /** That of the process, unless given. */
  readonly clock?: Pick<Clock, 'nowMs'>;
  /** How long no object of a kind is asked for after one that may not be read; left out, each is. */
  readonly forbiddenMs?: number;
  /** Not for an owner that is gone or may not be read. */
  readonly onFailure: (failure: { readonly owner: string; readonly error: Error }) => void;
}

/** From a controller of a pod upwards. */
export interface FollowedOwners {
  readonly owners: readonly TopOwner[];
  /** "top": nothing owns the last one. "unseen": what owns it cannot be seen. "failed": it may be seen another time. */
  readonly end: 'top' | 'unseen' | 'failed';
}

const AT_ONCE = 4;
const LONGEST_CHAIN = 8;
/** Owners hardly change; a right may be granted later. */
export const KNOWN_MS = 10 * 60_000;
const MOST_KNOWN = 10_000;
const TIMEOUT_MS = 5000;
/** What the end of a chain looks like. */
const ENDS: readonly number[] = [403, 404, 406, 410];
const FORBIDDEN = 403;

const NAME = /^[a-z0-9](?:[-a-z0-9.:]{0,251}[a-z0-9])?$/i;

/** What controls an owner that is the one that was named. */
type Step = { readonly controller: OwnerReference | undefined } | 'unseen' | 'failed';

export class OwnerChain {
  readonly #options: OwnerChainOptions;
  readonly #limit = pLimit(AT_ONCE);
  readonly #steps: LRUCache<string, Promise<Step>>;
  readonly #kinds: LRUCache<string, Promise<readonly Resource[]>>;
  /** Paths of kinds that may not be read, so that not each object of them is asked for. */
  readonly #forbidden: LRUCache<string, true> | undefined;

  constructor(options: OwnerChainOptions) {
    this.#options = options;
    const { clock } = options;
    const ofClock = clock && { perf: { now: () => clock.nowMs() }, ttlResolution: 0 };
    const bounds = { max: MOST_KNOWN, ttl: KNOWN_MS, ...ofClock };
    this.#steps = new LRUCache(bounds);
    this.#kinds = new LRUCache(bounds);
    if (options.forbiddenMs !== undefined)
      this.#forbidden = new LRUCache({ ...bounds, ttl: options.forbiddenMs });
  }

  /** Undefined for a pod without a controller that is there. Never rejects. */
  async topOf(pod: Pick<SeenPod, 'namespace' | 'controller'>): Promise<TopOwner | undefined> {
    return (await this.follow(pod)).owners.at(-1);
  }

  /** Never rejects. */
  async follow({
    namespace,
    controller,
  }: Pick<SeenPod, 'namespace' | 'controller'>): Promise<FollowedOwners> {
    const owners: TopOwner[] = [];
    let next: OwnerReference | undefined = controller;
    while (next !== undefined) {
      const { uid } = next;
      if (owners.length === LONGEST_CHAIN || owners.some((one) => one.uid === uid))
        return { owners, end: 'unseen' };
      const step: Step = await this.#step(namespace, next);
      if (typeof step === 'string') return { owners, end: step };
      owners.push({ ...next, namespace });
      next = step.controller;
    }
    return { owners, end: 'top' };
  }

  #step(namespace: string, owner: OwnerReference): Promise<Step> {
    const key = JSON.stringify([namespace, owner.apiVersion, owner.kind, owner.name, owner.uid]);
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const step = this.#limit(() => this.#read(namespace, owner)).catch((error: unknown) => {
      this.#steps.delete(key);
      this.#options.onFailure({ owner: `${namespace}/${owner.kind}/${owner.name}`, error: error as Error });
      return 'failed' as const;
    });
    this.#steps.set(key, step);
    return step;
  }

  async #read(namespace: string, { apiVersion, kind, name, uid }: OwnerReference): Promise<Step> {
    if (!OWNER_API_VERSION.test(apiVersion) || !NAME.test(name)) return 'unseen';
    const found = await this.#unlessUnseen(() => this.#kindsOf(apiVersion));
    const place = found?.find((resource) => resource.kind === kind);
    // A cluster-scoped one is of no tenant, whoever names it.
    if (place?.isNamespaced !== true) return 'unseen';
    const all = pathOf(place, { namespace });
    if (this.#forbidden?.has(all) === true) return 'unseen';
    const object = await this.#unlessUnseen(
      () => this.#get(pathOf(place, { namespace, name })) as Promise<KubernetesObject>,
      () => this.#forbidden?.set(all, true),
    );
    // Another object of that name owns nothing here.
    if (object?.metadata.uid !== uid) return 'unseen';
    return { controller: controllerOf(object.metadata.ownerReferences) };
  }

  async #unlessUnseen<Seen>(
    read: () => Promise<Seen>,
    onForbidden: () => void = () => undefined,
  ): Promise<Seen | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ApiFailure) || !ENDS.includes(error.status)) throw error;
      if (error.status === FORBIDDEN) onForbidden();
      return undefined;
    }
  }

  /** The kinds of an API group and version; a failure is not remembered. */
  #kindsOf(apiVersion: string): Promise<readonly Resource[]> {
    const known = this.#kinds.get(apiVersion);
    if (known !== undefined) return known;
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const kinds = this.#get(path, false).then((answer) => resourcesOf(apiVersion, answer));
    kinds.catch(() => this.#kinds.delete(apiVersion));
    this.#kinds.set(apiVersion, kinds);
    return kinds;
  }

  #get(path: string, onlyMetadata = true): Promise<unknown> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return this.#options.api.request({ method: 'GET', path, onlyMetadata, signal });
  }
}

/** The outermost that the table of workloads has: what made that, in its turn, is not what people restart. */
export function workloadAmong({ owners, end }: FollowedOwners): TopOwner | undefined {
  const top = owners.findLast(isWorkload) ?? owners.at(-1);
  // The pod says as much about its own controller, and of a ReplicaSet its labels say more.
  if (top === undefined || (end === 'unseen' && top === owners[0])) return undefined;
  return end === 'top' ? { ...top, isWhole: true } : top;
}

/** Of an APIResourceList, without subresources. */
function resourcesOf(apiVersion: string, answer: unknown): readonly Resource[] {
  const { resources = [] } = answer as {
    readonly resources?: readonly {
      readonly name: string;
      readonly kind: string;
      readonly namespaced: boolean;
    }[];
  };
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced }) => ({ apiVersion, kind, plural: name, isNamespaced: namespaced }));
}
