// The authority of the collector's certificate, from its ConfigMap. The last one that was read stays where the ConfigMap
// goes, so that a mistake there does not stop what works.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import { CONFIG_MAPS } from '../../model/cluster-resources.ts';
import { COLLECTOR_NAME } from '../../model/system-names.ts';
import { Reflector, type ReflectorOptions, type ReflectorProgress } from './reflector.ts';

export interface CollectorAuthorityOptions extends Pick<ReflectorOptions<string>, 'api' | 'onFailure'> {
  readonly namespace: string;
}

export class CollectorAuthority {
  readonly #reflector: Reflector<string>;
  #last: string | undefined;

  constructor(options: CollectorAuthorityOptions) {
    this.#reflector = new Reflector<string>({
      ...{ ...options, resource: CONFIG_MAPS, fieldSelector: `metadata.name=${COLLECTOR_NAME}` },
      transform: authorityOf,
      onChange: () => {
        this.#last = this.#reflector.items()[0] ?? this.#last;
      },
    });
  }

  start(): void {
    this.#reflector.start();
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }

  progress(): ReflectorProgress {
    return this.#reflector.progress();
  }

  /** PEM; undefined until it has been read once. */
  current(): string | undefined {
    return this.#last;
  }
}

function authorityOf(raw: KubernetesObject): string | undefined {
  const text = (raw['data'] as Readonly<Record<string, string>> | undefined)?.['ca.crt'];
  return text === undefined || text.trim() === '' ? undefined : text;
}
