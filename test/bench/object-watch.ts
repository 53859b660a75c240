// A watch: when was an object first seen as expected? In: one kind. Out: moments by
// performance.now(), as the bytes came in.
import { type KubernetesObject, pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';

export interface SeenObject {
  readonly object: KubernetesObject;
  readonly atMs: number;
}

type Expected = (object: KubernetesObject) => boolean;

const LIMIT_MS = 60_000;

export class ObjectWatch {
  readonly #stopping = new AbortController();
  readonly #expecting = new Set<(seen: SeenObject) => void>();

  /** Resolves when the watch is open from what there is now. */
  static async open(api: KubernetesApi, resource: Resource): Promise<ObjectWatch> {
    const watch = new ObjectWatch();
    const path = pathOf(resource);
    const list = (await api.request({ method: 'GET', path, query: { limit: '1' } })) as {
      readonly metadata: { readonly resourceVersion: string };
    };
    const query = { watch: 'true', resourceVersion: list.metadata.resourceVersion };
    const events = api.stream({ path, query, signal: watch.#stopping.signal });
    watch.#follow(events as AsyncIterable<{ readonly object: KubernetesObject }>).catch(() => undefined);
    return watch;
  }

  /** The first change from now on that is as expected. */
  next(what: string, expected: Expected): Promise<SeenObject> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`Waited ${LIMIT_MS} ms for ${what}`)), LIMIT_MS);
      const check = (seen: SeenObject): void => {
        if (!expected(seen.object)) return;
        clearTimeout(late);
        this.#expecting.delete(check);
        resolve(seen);
      };
      this.#expecting.add(check);
    });
  }

  close(): void {
    this.#stopping.abort();
  }

  async #follow(events: AsyncIterable<{ readonly object: KubernetesObject }>): Promise<void> {
    for await (const { object } of events) {
      const atMs = performance.now();
      for (const check of this.#expecting) check({ object, atMs });
    }
  }
}
