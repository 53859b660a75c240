// Which Services exist, for the DNS of a gateway: names only, of all Namespaces. Until they have
// been read once nobody knows.
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { SERVICES } from '../../model/cluster-resources.ts';
import { memo } from './memo.ts';
import { Reflector, type ReflectorFailure, type ReflectorProgress } from './reflector.ts';

export interface ServiceNamesOptions {
  readonly api: KubernetesApi;
  readonly onFailure: (failure: ReflectorFailure) => void;
}

export class ServiceNames {
  readonly #reflector: Reflector<string>;
  readonly #names = memo((keys: readonly string[]): ReadonlySet<string> => new Set(keys));

  constructor({ api, onFailure }: ServiceNamesOptions) {
    this.#reflector = new Reflector<string>({
      api,
      resource: SERVICES,
      transform: ({ metadata: { namespace = '', name } }) => keyOf(namespace, name),
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

  /** Undefined until they have been read once; what was read last stays while the API server is away. */
  has(namespace: string, name: string): boolean | undefined {
    if (!this.#reflector.hasSynced()) return undefined;
    return this.#names(this.#reflector.items()).has(keyOf(namespace, name));
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
