// A control plane with our kinds, a connection to it that counts what it sends, and what the operator would observe
// there. For tests of delivery, each of which makes Namespaces of its own.
import {
  ObjectWriter,
  type ObjectWriterOptions,
  sendAsLeader,
} from '../../../operator/deliver/kubernetes/object-writer.ts';
import {
  type KubernetesObject,
  objectKey,
  pathOf,
  type Resource,
} from '../../../operator/lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { ENDPOINT_SLICES, WRITTEN_RESOURCES } from '../../../operator/model/cluster-resources.ts';
import { type ControlPlane, installCrds, startControlPlane } from './control-plane.ts';
import { CONFIG_MAPS } from './lease-scene.ts';

export const SYSTEM = 'sallyport-system';

export interface DeliveryScene {
  readonly controlPlane: ControlPlane;
  readonly api: KubernetesApi;
  /** How many requests other than GET were sent so far. */
  writes(): number;
  writer(options?: Partial<ObjectWriterOptions>): ObjectWriter;
  namespace(name: string, labels?: Readonly<Record<string, string>>): Promise<KubernetesObject>;
  /** What is stored of these kinds, by key. */
  observe(...resources: readonly Resource[]): Promise<ReadonlyMap<string, KubernetesObject>>;
  get(object: KubernetesObject): Promise<KubernetesObject>;
  /** As somebody else would. */
  merge(object: KubernetesObject, change: object): Promise<KubernetesObject>;
  remove(object: KubernetesObject): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeliveryScene(): Promise<DeliveryScene> {
  const controlPlane = await startControlPlane({ withControllers: false });
  await installCrds(controlPlane);
  let writes = 0;
  const api = await connectKubernetes({
    kubeconfig: controlPlane.adminKubeconfig,
    onRequest: ({ method }) => {
      if (method !== 'GET') writes += 1;
    },
  });
  const scene = sceneOf(controlPlane, api, () => writes);
  await scene.namespace(SYSTEM);
  return scene;
}

function sceneOf(controlPlane: ControlPlane, api: KubernetesApi, writes: () => number): DeliveryScene {
  const resources = [...WRITTEN_RESOURCES, ENDPOINT_SLICES, CONFIG_MAPS];
  const place = (object: KubernetesObject): string => {
    const found = resources.find(
      ({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind,
    );
    if (found === undefined) throw new Error(`Kind "${object.kind}" is none of the scene's`);
    return pathOf(found, object.metadata);
  };
  return {
    controlPlane,
    api,
    writes,
    writer: (options = {}) =>
      new ObjectWriter({ api, resources, mayWrite: () => true, versionedKinds: [], ...options }),
    namespace: async (name, labels = {}) =>
      (await api.request({
        method: 'POST',
        path: '/api/v1/namespaces',
        body: { metadata: { name, labels } },
      })) as KubernetesObject,
    observe: async (...kinds) =>
      new Map(
        (await Promise.all(kinds.map((kind) => list(api, kind))))
          .flat()
          .map((object) => [objectKey(object), object]),
      ),
    get: async (object) => (await api.request({ method: 'GET', path: place(object) })) as KubernetesObject,
    merge: async (object, change) =>
      (await api.request({
        method: 'PATCH',
        path: place(object),
        query: { fieldManager: 'somebody' },
        body: change,
        contentType: 'application/merge-patch+json',
      })) as KubernetesObject,
    remove: async (object) => void (await api.request({ method: 'DELETE', path: place(object) })),
    stop: async () => {
      await api.close();
      await controlPlane.stop();
    },
  };
}

/** Items of a list come without their kind. Of a kind that was installed just now, only when the server is ready. */
async function list(api: KubernetesApi, resource: Resource): Promise<readonly KubernetesObject[]> {
  const answer = await sendAsLeader(
    () => true,
    () => api.request({ method: 'GET', path: pathOf(resource) }),
  );
  const { items } = answer as { readonly items: readonly KubernetesObject[] };
  const { apiVersion, kind } = resource;
  return items.map((item) => ({ ...item, apiVersion, kind }));
}

/** Field managers of an object, in order of name. */
export function managersOf({ metadata }: KubernetesObject): readonly string[] {
  const { managedFields = [] } = metadata as {
    readonly managedFields?: readonly { readonly manager: string }[];
  };
  return [...new Set(managedFields.map(({ manager }) => manager))].toSorted();
}
