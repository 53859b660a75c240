// Network policies of optional kinds: discovered at the start and again periodically, since a plugin can be installed
// later. Until discovery has succeeded the source is not synced.
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { type ClusterResource, PLUGIN_POLICIES } from '../../model/cluster-resources.ts';
import { Reflector, type ReflectorOptions, type ReflectorProgress } from './reflector.ts';
import { trimObject } from './trim.ts';

type Options = Pick<ReflectorOptions<unknown>, 'api' | 'onChange' | 'onFailure'>;

const CHECK_AGAIN_MS = 60_000;
const RETRY_MS = 2000;
const NAME = 'kinds of network plugins';

export class PluginReflectors {
  readonly #options: Options;
  readonly #stopped = new AbortController();
  readonly #reflectors = new Map<ClusterResource, Reflector<KubernetesObject>>();
  #hasChecked = false;
  #running: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  hasSynced(): boolean {
    return this.#hasChecked && [...this.#reflectors.values()].every((reflector) => reflector.hasSynced());
  }

  /** One list per kind; each the very same as before where nothing has changed. */
  lists(): readonly (readonly KubernetesObject[])[] {
    return [...this.#reflectors.values()].map((reflector) => reflector.items());
  }

  progress(): readonly ReflectorProgress[] {
    const checking = { reflector: NAME, hasSynced: false, heardAtMs: undefined, error: undefined };
    return [
      ...(this.#hasChecked ? [] : [checking]),
      ...[...this.#reflectors.values()].map((reflector) => reflector.progress()),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const hasChecked = await this.#check();
      await delay(hasChecked ? CHECK_AGAIN_MS : RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #check(): Promise<boolean> {
    const { api, onChange, onFailure } = this.#options;
    try {
      for (const resource of await servedResources(api, PLUGIN_POLICIES)) this.#follow(resource);
      const isFirst = !this.#hasChecked;
      this.#hasChecked = true;
      if (isFirst) onChange();
      return true;
    } catch (error) {
      if (!this.#stopped.signal.aborted) {
        onFailure({ reflector: NAME, error: error as Error, retryInMs: RETRY_MS });
      }
      return false;
    }
  }

  #follow(resource: ClusterResource): void {
    if (this.#reflectors.has(resource) || this.#stopped.signal.aborted) return;
    const reflector = new Reflector<KubernetesObject>({ ...this.#options, resource, transform: trimObject });
    this.#reflectors.set(resource, reflector);
    reflector.start();
  }
}

/** Those that the API server serves: kinds of network plugins are optional. */
async function servedResources<Kind extends Resource>(
  api: KubernetesApi,
  candidates: readonly Kind[],
): Promise<readonly Kind[]> {
  const served = new Map<string, ReadonlySet<string>>();
  for (const { apiVersion } of candidates) {
    if (!served.has(apiVersion)) served.set(apiVersion, await pluralsOf(api, apiVersion));
  }
  return candidates.filter(({ apiVersion, plural }) => served.get(apiVersion)?.has(plural));
}

async function pluralsOf(api: KubernetesApi, apiVersion: string): Promise<ReadonlySet<string>> {
  try {
    const list = (await api.request({ method: 'GET', path: `/apis/${apiVersion}` })) as {
      readonly resources?: readonly { readonly name: string }[];
    };
    return new Set(list.resources?.map(({ name }) => name));
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return new Set();
    throw error;
  }
}
