// The Services of all Namespaces: the address of each, and its ports. One of type ExternalName has none, and neither
// has a headless one: the gateway is nobody's deputy, and connects to nothing that a tenant only names.
import type { KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { memoizeLast } from '../../lib/memo.ts';
import { SERVICES } from '../../model/cluster-resources.ts';
import { clusterServiceOf } from '../../model/cluster-service.ts';
import { Reflector, type ReflectorOptions, type ReflectorProgress } from './reflector.ts';

interface Entry {
  readonly key: string;
  readonly address: string;
  readonly ports: readonly number[];
}

interface ServicePorts {
  readonly ports?: readonly { readonly port: number; readonly protocol?: string }[];
}

export interface ServiceAddressesOptions extends Pick<ReflectorOptions<Entry>, 'onChange' | 'onFailure'> {
  readonly api: KubernetesApi;
}

export class ServiceAddresses {
  readonly #reflector: Reflector<Entry>;
  readonly #byKey = memoizeLast(
    (entries: readonly Entry[]) => new Map(entries.map((entry) => [entry.key, entry])),
  );

  constructor(options: ServiceAddressesOptions) {
    this.#reflector = new Reflector<Entry>({
      ...options,
      resource: SERVICES,
      transform: ({ metadata: { namespace = '', name }, ...rest }) => entryOf(namespace, name, rest['spec']),
    });
  }

  start(): void {
    this.#reflector.start();
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
  }

  progress(): ReflectorProgress {
    return this.#reflector.progress();
  }

  hasSynced(): boolean {
    return this.#reflector.hasSynced();
  }

  /** Changes with any Service. */
  items(): readonly unknown[] {
    return this.#reflector.items();
  }

  /** Undefined where there is none with an address of its own and this TCP port. */
  find(namespace: string, name: string, port: number): string | undefined {
    const entry = this.#byKey(this.#reflector.items()).get(keyOf(namespace, name));
    return entry?.ports.includes(port) === true ? entry.address : undefined;
  }
}

function entryOf(namespace: string, name: string, spec: unknown): Entry | undefined {
  const service = clusterServiceOf(spec);
  if (service.kind !== 'addressed') return undefined;
  const [address] = service.addresses;
  if (address === undefined) return undefined;
  const { ports = [] } = (spec ?? {}) as ServicePorts;
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP').map(({ port }) => port);
  return { key: keyOf(namespace, name), address, ports: tcp };
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
