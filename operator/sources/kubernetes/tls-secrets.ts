// The Secrets that plans name, and no others: one watch for each. A Secret that can no longer be used keeps its last
// good certificate. Nothing here logs what a Secret holds.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import type { Certificate } from '../../model/certificate.ts';
import { SECRETS } from '../../model/cluster-resources.ts';
import { isTlsSecret, parseTlsSecret } from '../../model/tls-secret.ts';
import { Reflector, type ReflectorOptions, type ReflectorProgress } from './reflector.ts';

/** Name of a Secret in a Namespace. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

type Item = { readonly certificate: Certificate } | { readonly fault: string };

export interface TlsSecretsOptions extends Pick<ReflectorOptions<Item>, 'onChange' | 'onFailure'> {
  readonly api: KubernetesApi;
}

interface Watched {
  readonly reflector: Reflector<Item>;
  good: Certificate | undefined;
}

export class TlsSecrets {
  readonly #options: TlsSecretsOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #stopping: Promise<void>[] = [];

  constructor(options: TlsSecretsOptions) {
    this.#options = options;
  }

  /** Watches exactly these. */
  watch(names: readonly SecretName[]): void {
    const wanted = new Map(names.map((secret) => [keyOf(secret), secret]));
    for (const [key, { reflector }] of this.#watched) {
      if (wanted.has(key)) continue;
      this.#stopping.push(reflector.stop());
      this.#watched.delete(key);
    }
    for (const [key, secret] of wanted) {
      if (!this.#watched.has(key)) this.#watched.set(key, this.#start(secret));
    }
  }

  async stop(): Promise<void> {
    this.watch([]);
    await Promise.all(this.#stopping);
  }

  progress(): readonly ReflectorProgress[] {
    return [...this.#watched.values()].map(({ reflector }) => reflector.progress());
  }

  /** Whether each has been read once. */
  hasSynced(): boolean {
    return [...this.#watched.values()].every(({ reflector }) => reflector.hasSynced());
  }

  /** `fault`: why the Secret cannot be used as it is. */
  find(secret: SecretName): { readonly certificate?: Certificate; readonly fault?: string } {
    const watched = this.#watched.get(keyOf(secret));
    const [item] = watched?.reflector.items() ?? [];
    if (watched === undefined || item === undefined) {
      // One that was removed is gone; one that could not be read so far is not known.
      if (watched?.reflector.hasSynced() === true) watched.good = undefined;
      return {};
    }
    if ('certificate' in item) watched.good = item.certificate;
    return {
      ...(watched.good === undefined ? {} : { certificate: watched.good }),
      ...('fault' in item ? { fault: item.fault } : {}),
    };
  }

  #start({ namespace, name }: SecretName): Watched {
    const reflector = new Reflector<Item>({
      ...this.#options,
      resource: SECRETS,
      namespace,
      fieldSelector: `metadata.name=${name}`,
      transform: itemOf,
    });
    reflector.start();
    return { reflector, good: undefined };
  }
}

function itemOf(raw: KubernetesObject): Item | undefined {
  if (!isTlsSecret(raw)) return undefined;
  const parsed = parseTlsSecret(raw);
  return 'certificate' in parsed ? parsed : { fault: parsed.fault.message };
}

function keyOf({ namespace, name }: SecretName): string {
  return `${namespace}/${name}`;
}
