// Creates an object that another one controls, as an operator of a product does.
import {
  type KubernetesObject,
  type OwnerReference,
  pathOf,
  type Resource,
} from '../../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';

export interface OwnedObject {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Left out: nobody controls it. */
  readonly owner?: KubernetesObject | undefined;
  readonly body?: object;
}

/** With the uid that the server gave it. */
export async function createOwned(
  api: KubernetesApi,
  resource: Resource,
  { namespace, name, labels = {}, owner, body = {} }: OwnedObject,
): Promise<KubernetesObject> {
  const { apiVersion, kind } = resource;
  const metadata = { name, labels, ...(owner && { ownerReferences: [controllerReference(owner)] }) };
  const path = pathOf(resource, { namespace });
  return (await api.request({
    method: 'POST',
    path,
    body: { apiVersion, kind, metadata, ...body },
  })) as KubernetesObject;
}

export function controllerReference({
  apiVersion,
  kind,
  metadata: { name, uid = '' },
}: KubernetesObject): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true };
}
