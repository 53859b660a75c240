// Kubernetes objects as plain data, and their paths on the API server. Nothing of the product.
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubernetesMeta;
  readonly [field: string]: unknown;
}

export interface KubernetesMeta {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly generation?: number | undefined;
  readonly creationTimestamp?: string | undefined;
  readonly deletionTimestamp?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly ownerReferences?: readonly OwnerReference[] | undefined;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean | undefined;
}

/** Of each part of a reference: no object can have a longer one. */
const LONGEST_PART = 317;

/**
 * The owner that controls the object; there is one at most. The API server accepts texts of 1.5 MB, which nobody should
 * keep: what can be no object is none.
 */
export function controllerOf(owners: readonly OwnerReference[] = []): OwnerReference | undefined {
  const found = owners.find(({ controller }) => controller === true);
  if (found === undefined) return undefined;
  const { apiVersion, kind, name, uid } = found;
  const canBe = [apiVersion, kind, name, uid].every((part) => part.length <= LONGEST_PART);
  return canBe ? { apiVersion, kind, name, uid } : undefined;
}

/** An object that is there. */
export interface ObjectReference extends Omit<OwnerReference, 'controller'> {
  /** Undefined for a cluster-scoped one. */
  readonly namespace?: string | undefined;
}

/** Path of a kind on the API server. */
export interface Resource {
  /** "v1", "networking.k8s.io/v1". */
  readonly apiVersion: string;
  readonly kind: string;
  /** Lower-case plural, as in paths. */
  readonly plural: string;
  readonly isNamespaced: boolean;
}

export interface ObjectPlace {
  /** Left out: cluster-scoped, or all namespaces of a namespaced kind. */
  readonly namespace?: string | undefined;
  /** Left out: the collection. */
  readonly name?: string | undefined;
  /** "status", for example. */
  readonly subresource?: string | undefined;
}

/** "/apis/networking.k8s.io/v1/namespaces/analytics/networkpolicies/isolation". */
export function pathOf(resource: Resource, { namespace, name, subresource }: ObjectPlace = {}): string {
  const root = resource.apiVersion.includes('/')
    ? `/apis/${resource.apiVersion}`
    : `/api/${resource.apiVersion}`;
  const scope =
    resource.isNamespaced && namespace !== undefined ? ['namespaces', encodeURIComponent(namespace)] : [];
  const rest = [name, subresource].filter((part) => part !== undefined).map(encodeURIComponent);
  return [root, ...scope, resource.plural, ...rest].join('/');
}

/** "NetworkPolicy/acme" or "Service/sallyport-system/analytics-enforced": unique within the kinds of one program. */
export function objectKey({ kind, metadata }: Pick<KubernetesObject, 'kind' | 'metadata'>): string {
  return [kind, ...(metadata.namespace === undefined ? [] : [metadata.namespace]), metadata.name].join('/');
}

/** Kubernetes' MicroTime has six digits behind the second, where JavaScript has three; fewer are rejected. */
export function microTime(time: Date): string {
  return time.toISOString().replace(/Z$/, '000Z');
}
