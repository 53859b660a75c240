// The Services of all Namespaces, and what the name of each means, for the DNS of a gateway. Unknown until they have
// been read once.
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { memoizeLast } from '../../lib/memo.ts';
import { SERVICES } from '../../model/cluster-resources.ts';
import { type ClusterService, clusterServiceOf } from '../../model/cluster-service.ts';
import { Reflector, type ReflectorFailure, type ReflectorProgress } from './reflector.ts';

export interface ClusterServicesOptions {
  readonly api: KubernetesApi;
  readonly onFailure: (failure: ReflectorFailure) => void;
}

type Entry = readonly [key: string, service: ClusterService];

export class ClusterServices {
  readonly #reflector: Reflector<Entry>;
  readonly #services = memoizeLast((entries: readonly Entry[]) => new Map(entries));

  constructor({ api, onFailure }: ClusterServicesOptions) {
    this.#reflector = new Reflector<Entry>({
      api,
      resource: SERVICES,
      transform: ({ metadata: { namespace = '', name }, ...rest }) => [
        keyOf(namespace, name),
        clusterServiceOf(rest['spec']),
      ],
      // Read for each question.
      onChange: () => undefined,
      onFailure,
    });
  }

  start(): void {
    this.#reflector.start();
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
  }

  progress(): readonly ReflectorProgress[] {
    return [this.#reflector.progress()];
  }

  /** 'unknown' until they have been read once; the last state stays while the API server is unreachable. */
  find(namespace: string, name: string): ClusterService | undefined | 'unknown' {
    if (!this.#reflector.hasSynced()) return 'unknown';
    return this.#services(this.#reflector.items()).get(keyOf(namespace, name));
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
