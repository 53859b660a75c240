// Which Services exist, and what the name of each may say, for the DNS of a gateway: of all Namespaces. Until they have
// been read once nobody knows.
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
      // Looked up at each question.
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

  /** 'unknown' until they have been read once; what was read last stays while the API server is away. */
  find(namespace: string, name: string): ClusterService | undefined | 'unknown' {
    if (!this.#reflector.hasSynced()) return 'unknown';
    return this.#services(this.#reflector.items()).get(keyOf(namespace, name));
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
