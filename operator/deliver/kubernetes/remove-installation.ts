// Deletes everything that operators and gateways have written, for an installation that goes: isolation, Services, tables,
// plans, the roles of ingress gateways, the collector's certificate, leases, and the stamps of Namespaces. What people have
// written stays. It may be repeated: what is gone already does not count.
import { type KubernetesObject, objectKey, pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import {
  LEASES,
  NAMESPACES,
  REMOVED_AT_HOME,
  REMOVED_BY_NAME,
  REMOVED_EVERYWHERE,
  REMOVED_OF_COLLECTOR,
} from '../../model/cluster-resources.ts';
import { isOperatorAnnotation } from '../../model/stamp.ts';
import {
  COLLECTOR_NAME,
  INGRESS_TLS_ROLE,
  LEASE_NAMES,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../model/system-names.ts';
import { type Failure, inParallel } from './in-parallel.ts';

export interface Removal {
  /** How many objects were deleted, by kind; Namespaces are those that lost their stamps. */
  readonly removed: ReadonlyMap<string, number>;
  readonly failures: readonly Failure<Pick<KubernetesObject, 'kind' | 'metadata'>>[];
}

export async function removeInstallation(api: KubernetesApi, systemNamespace: string): Promise<Removal> {
  const owned = [
    ...(await listEach(api, REMOVED_EVERYWHERE, OURS)),
    ...(await listEach(api, REMOVED_AT_HOME, { ...OURS, namespace: systemNamespace })),
    ...(await listEach(api, REMOVED_BY_NAME, { query: named(INGRESS_TLS_ROLE) })),
    // The label too: a Secret of that name may be somebody else's.
    ...(await listEach(api, REMOVED_OF_COLLECTOR, {
      query: { ...OURS.query, ...named(COLLECTOR_NAME) },
      namespace: systemNamespace,
    })),
    ...LEASE_NAMES.map((name) => lease(name, systemNamespace)),
  ];
  const stamped = (await list(api, NAMESPACES, {})).filter(({ metadata }) => stampsOf(metadata).length > 0);
  const removed = new Map<string, number>();
  const count = ({ kind }: Pick<KubernetesObject, 'kind'>): void => {
    removed.set(kind, (removed.get(kind) ?? 0) + 1);
  };
  const failures = [
    ...(await inParallel(owned, async (object) => {
      if (await remove(api, object)) count(object);
    })),
    ...(await inParallel(stamped, async (namespace) => {
      await unstamp(api, namespace);
      count(namespace);
    })),
  ];
  return { removed, failures };
}

interface Which {
  readonly query?: Readonly<Record<string, string>>;
  readonly namespace?: string;
}

const OURS: Which = { query: { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` } };

const named = (name: string) => ({ fieldSelector: `metadata.name=${name}` });

interface Owned extends KubernetesObject {
  readonly resource: Resource;
}

function lease(name: string, namespace: string): Owned {
  const { apiVersion, kind } = LEASES;
  return { apiVersion, kind, metadata: { name, namespace }, resource: LEASES };
}

async function listEach(
  api: KubernetesApi,
  resources: readonly Resource[],
  which: Which,
): Promise<readonly Owned[]> {
  const lists = await Promise.all(resources.map((resource) => list(api, resource, which)));
  return lists.flat();
}

/** Empty where the kind is not served: CRDs may be gone before. */
async function list(
  api: KubernetesApi,
  resource: Resource,
  { query = {}, namespace }: Which,
): Promise<readonly Owned[]> {
  try {
    const answer = await api.request({ method: 'GET', path: pathOf(resource, { namespace }), query });
    const { items } = answer as { readonly items: readonly KubernetesObject[] };
    return items.map((item) => ({ ...item, kind: resource.kind, apiVersion: resource.apiVersion, resource }));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Whether it was there. */
async function remove(api: KubernetesApi, { resource, metadata }: Owned): Promise<boolean> {
  try {
    await api.request({ method: 'DELETE', path: pathOf(resource, metadata) });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function unstamp(api: KubernetesApi, { metadata }: Owned): Promise<unknown> {
  const annotations = Object.fromEntries(stampsOf(metadata).map((name) => [name, null]));
  return api.request({
    method: 'PATCH',
    path: pathOf(NAMESPACES, { name: metadata.name }),
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations } },
  });
}

function stampsOf({ annotations = {} }: KubernetesObject['metadata']): readonly string[] {
  return Object.keys(annotations).filter(isOperatorAnnotation);
}

function isGone(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 404;
}

/** One for each kind. A Namespace itself stays. */
export function removedLines({ removed }: Pick<Removal, 'removed'>): readonly string[] {
  return [...removed].map(([kind, count]) => {
    const what = kind === NAMESPACES.kind ? 'the stamps of ' : '';
    return `Removed ${what}${count} ${pluralOf(kind, count)}`;
  });
}

function pluralOf(kind: string, count: number): string {
  if (count === 1) return kind;
  return kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`;
}

/** "NetworkPolicy/analytics/sallyport-isolation: Forbidden ...", one a line. */
export function failureLines({ failures }: Removal): readonly string[] {
  return failures.map(({ item, error }) => `${objectKey(item)}: ${(error as Error).message}`);
}
