// A pod -> the top of its owners, "Deployment/etl": from controller to controller by requests for metadata alone. Whoever
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
import type { TopOwner } from '../../model/pod-owner.ts';
import type { SeenPod } from '../../model/seen-pod.ts';

export interface OwnerChainOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  /** Not for an owner that is gone or may not be read. */
  readonly onFailure: (failure: { readonly owner: string; readonly error: Error }) => void;
}

const AT_ONCE = 4;
const LONGEST_CHAIN = 8;
/** Owners hardly change; a right may be granted later. */
const KNOWN_MS = 10 * 60_000;
const MOST_KNOWN = 10_000;
const TIMEOUT_MS = 5000;
/** What the end of a chain looks like. */
const ENDS: readonly number[] = [403, 404, 406, 410];

const API_VERSION = /^(?:[a-z0-9]+(?:[-.][a-z0-9]+)*\/)?v[0-9a-z]{1,20}$/;
const NAME = /^[a-z0-9](?:[-a-z0-9.:]{0,251}[a-z0-9])?$/i;

/** What controls an owner that is the one that was named; undefined for any other. */
type Step = { readonly controller: OwnerReference | undefined } | undefined;

export class OwnerChain {
  readonly #options: OwnerChainOptions;
  readonly #limit = pLimit(AT_ONCE);
  readonly #steps = new LRUCache<string, Promise<Step>>({ max: MOST_KNOWN, ttl: KNOWN_MS });
  readonly #kinds = new LRUCache<string, Promise<readonly Resource[]>>({ max: MOST_KNOWN, ttl: KNOWN_MS });

  constructor(options: OwnerChainOptions) {
    this.#options = options;
  }

  /** Undefined for a pod without a controller that is there. Never rejects. */
  async topOf({
    namespace,
    controller,
  }: Pick<SeenPod, 'namespace' | 'controller'>): Promise<TopOwner | undefined> {
    let top: TopOwner | undefined;
    let next: OwnerReference | undefined = controller;
    const passed = new Set<string>();
    while (next !== undefined && !passed.has(next.uid) && passed.size < LONGEST_CHAIN) {
      passed.add(next.uid);
      const step: Step = await this.#step(namespace, next);
      if (step === undefined) return top;
      top = { ...next, namespace };
      next = step.controller;
    }
    return top;
  }

  #step(namespace: string, owner: OwnerReference): Promise<Step> {
    const key = JSON.stringify([namespace, owner.apiVersion, owner.kind, owner.name, owner.uid]);
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const step = this.#limit(() => this.#read(namespace, owner)).catch((error: unknown) => {
      this.#steps.delete(key);
      this.#options.onFailure({ owner: `${namespace}/${owner.kind}/${owner.name}`, error: error as Error });
      return undefined;
    });
    this.#steps.set(key, step);
    return step;
  }

  async #read(namespace: string, { apiVersion, kind, name, uid }: OwnerReference): Promise<Step> {
    if (!API_VERSION.test(apiVersion) || !NAME.test(name)) return undefined;
    try {
      const place = (await this.#kindsOf(apiVersion)).find((resource) => resource.kind === kind);
      // A cluster-scoped one is of no tenant, whoever names it.
      if (place?.isNamespaced !== true) return undefined;
      const found = (await this.#get(pathOf(place, { namespace, name }))) as KubernetesObject;
      // Another object of that name owns nothing here.
      if (found.metadata.uid !== uid) return undefined;
      return { controller: controllerOf(found.metadata.ownerReferences) };
    } catch (error) {
      if (error instanceof ApiFailure && ENDS.includes(error.status)) return undefined;
      throw error;
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
