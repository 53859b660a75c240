// ConfigMaps on a real API server, a hostile proxy in front of it, and a reflector behind the proxy. What the reflector
// holds is compared with what the API server itself says, asked directly.
import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, pathOf, type Resource } from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  Reflector,
  type ReflectorFailure,
  type ReflectorOptions,
} from '../../../operator/sources/kubernetes/reflector.ts';
import { until } from '../until.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type HostileProxy, startHostileProxy } from './hostile-proxy.ts';

export const CONFIG_MAPS: Resource = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  isNamespaced: true,
};
const NAMESPACES: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  isNamespaced: false,
};

export interface Seen {
  readonly name: string;
  readonly uid: string;
  readonly value: string;
}

/** Watches are short here, and so is the time until a silent one is noticed. */
export const SHORT = { shortestWatchMs: 1000, longestWatchMs: 1000, graceMs: 300 };

export interface Watching {
  readonly reflector: Reflector<Seen>;
  readonly failures: ReflectorFailure[];
  /** Resolves when the reflector holds what the API server holds at this moment. */
  converged(): Promise<void>;
}

export class ReflectorScene {
  readonly controlPlane: ControlPlane;
  readonly proxy: HostileProxy;
  readonly direct: KubernetesApi;
  readonly proxied: KubernetesApi;
  #namespace = '';
  #namespaces = 0;
  #watchings: Watching[] = [];

  private constructor(
    controlPlane: ControlPlane,
    proxy: HostileProxy,
    [direct, proxied]: readonly [KubernetesApi, KubernetesApi],
  ) {
    this.controlPlane = controlPlane;
    this.proxy = proxy;
    this.direct = direct;
    this.proxied = proxied;
  }

  static async start(): Promise<ReflectorScene> {
    const controlPlane = await startControlPlane({ withControllers: false });
    const proxy = await startHostileProxy({ controlPlane });
    const apis = [
      await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig }),
      await connectKubernetes({ kubeconfig: proxy.kubeconfig }),
    ] as const;
    return new ReflectorScene(controlPlane, proxy, apis);
  }

  async stop(): Promise<void> {
    await this.direct.close();
    await this.proxied.close();
    await this.proxy.stop();
    await this.controlPlane.stop();
  }

  /** A namespace of its own, with `ConfigMaps` of these names. */
  async begin(...names: readonly string[]): Promise<void> {
    this.#namespaces += 1;
    this.#namespace = `reflected-${this.#namespaces}`;
    const { apiVersion, kind } = NAMESPACES;
    const body = { apiVersion, kind, metadata: { name: this.#namespace } };
    await this.direct.request({ method: 'POST', path: pathOf(NAMESPACES), body });
    for (const name of names) await this.write(name, 'first');
  }

  async end(): Promise<void> {
    this.proxy.heal();
    await Promise.all(this.#watchings.splice(0).map(({ reflector }) => reflector.stop()));
  }

  async write(name: string, value: string): Promise<void> {
    const { apiVersion, kind } = CONFIG_MAPS;
    await this.direct.request({
      method: 'PATCH',
      path: pathOf(CONFIG_MAPS, { namespace: this.#namespace, name }),
      query: { fieldManager: 'test' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion, kind, metadata: { name }, data: { value } },
    });
  }

  async remove(name: string): Promise<void> {
    await this.direct.request({
      method: 'DELETE',
      path: pathOf(CONFIG_MAPS, { namespace: this.#namespace, name }),
    });
  }

  /** Every sort of change there is; "gone" and "again" must exist. */
  async changeMuch(): Promise<void> {
    await this.write('kept', 'second');
    await this.remove('gone');
    await this.write('new', 'first');
    await this.remove('again');
    await this.write('again', 'made anew');
    await this.write('kept', 'third');
  }

  /** A reflector behind the proxy, synced. */
  async watch(options: Partial<ReflectorOptions<Seen>> = {}): Promise<Watching> {
    const watching = this.watchSoon(options);
    await watching.reflector.synced();
    return watching;
  }

  /** The same, only just started. */
  watchSoon(options: Partial<ReflectorOptions<Seen>> = {}): Watching {
    const failures: ReflectorFailure[] = [];
    const reflector = new Reflector<Seen>({
      api: this.proxied,
      resource: CONFIG_MAPS,
      namespace: this.#namespace,
      transform: seenOf,
      onChange: () => undefined,
      onFailure: (failure) => failures.push(failure),
      timings: SHORT,
      random: () => 0,
      ...options,
    });
    const converged = async (): Promise<void> => {
      const truth = await this.#truth();
      await until('it holds the truth', () => isDeepStrictEqual(sorted(reflector.items()), truth)).catch(
        () => undefined,
      );
      expect(sorted(reflector.items())).toEqual(truth);
    };
    const watching = { reflector, failures, converged };
    this.#watchings.push(watching);
    reflector.start();
    return watching;
  }

  async #truth(): Promise<readonly Seen[]> {
    const path = pathOf(CONFIG_MAPS, { namespace: this.#namespace });
    const { items } = (await this.direct.request({ method: 'GET', path })) as {
      readonly items: readonly KubernetesObject[];
    };
    return sorted(items.map(seenOf));
  }
}

function seenOf({ metadata, ...rest }: KubernetesObject): Seen {
  const data = rest['data'] as { readonly value: string };
  return { name: metadata.name, uid: metadata.uid ?? '', value: data.value };
}

function sorted(items: readonly Seen[]): readonly Seen[] {
  return items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
