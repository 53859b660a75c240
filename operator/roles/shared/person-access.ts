// The API server with the rights of a person, and sentences for what they may not do there.
import { pathOf, type Resource } from '../../lib/kubernetes/api-object.ts';
import { connectKubernetes } from '../../lib/kubernetes/connect-kubernetes.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { loadKubeconfig } from '../../lib/kubernetes/load-kubeconfig.ts';
import { NAMESPACES } from '../../model/cluster-resources.ts';
import { API_VERSION } from '../../model/kubernetes-object.ts';
import type { PersonConfig } from '../../person-config.ts';

/** Of kubectl: the one of the context, or "default". Throws where the kubeconfig cannot be read. */
export async function contextNamespace(config: PersonConfig): Promise<string> {
  const loaded = await loadKubeconfig(config);
  return loaded.getContextObject(loaded.getCurrentContext())?.namespace ?? 'default';
}

export type PersonApi = Pick<KubernetesApi, 'request'>;

/** What somebody may do, as RBAC says it. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Undefined: in the whole cluster. */
  readonly namespace?: string | undefined;
  readonly name?: string;
}

export function connectPerson({ kubeconfig, context, as }: PersonConfig): Promise<KubernetesApi> {
  return connectKubernetes({ kubeconfig, context, ...(as === undefined ? {} : { actAs: { user: as } }) });
}

const REVIEW = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

export async function mayI(api: PersonApi, right: Right): Promise<boolean> {
  const answer = (await api.request({
    ...{ method: 'POST', path: REVIEW },
    body: {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
      spec: { resourceAttributes: right },
    },
  })) as { readonly status?: { readonly allowed?: boolean; readonly denied?: boolean } };
  return answer.status?.allowed === true && answer.status.denied !== true;
}

/** `get pods/portforward in Namespace "sallyport-system"`. */
export function describeRight({ verb, group, resource, subresource, namespace }: Right): string {
  const what = [resource, ...(subresource === undefined ? [] : [subresource])].join('/');
  const where = namespace === undefined ? 'the whole cluster' : `Namespace "${namespace}"`;
  return `${verb} ${what}${group === '' ? '' : `.${group}`} in ${where}`;
}

/** Undefined where it is not there. Throws with what cannot be read, and why. */
export async function readOne(
  api: PersonApi,
  resource: Resource,
  place: { readonly namespace?: string | undefined; readonly name: string },
): Promise<unknown> {
  try {
    return await api.request({ method: 'GET', path: pathOf(resource, place) });
  } catch (cause) {
    if (cause instanceof ApiFailure && cause.status === 404) return undefined;
    const namespace = resource === NAMESPACES ? place.name : place.namespace;
    throw unreadable(cause, { resource, namespace, what: `${resource.kind} "${place.name}"` });
  }
}

const PAGE_SIZE = '500';

/** All of a kind. Throws with what cannot be read, and why. */
export async function readAll(
  api: PersonApi,
  resource: Resource,
  { namespace, ...selection }: { readonly namespace?: string; readonly labelSelector?: string } = {},
): Promise<readonly unknown[]> {
  const path = pathOf(resource, { namespace });
  const items: unknown[] = [];
  let next = '';
  try {
    do {
      const query = { ...selection, limit: PAGE_SIZE, ...(next === '' ? {} : { continue: next }) };
      const page = (await api.request({ method: 'GET', path, query })) as {
        readonly metadata?: { readonly continue?: string };
        readonly items?: readonly unknown[];
      };
      items.push(...(page.items ?? []));
      next = page.metadata?.continue ?? '';
    } while (next !== '');
  } catch (cause) {
    const what = `${resource.plural}${namespace === undefined ? '' : ` of Namespace "${namespace}"`}`;
    throw unreadable(cause, { resource, namespace, what });
  }
  return items;
}

interface Unreadable {
  readonly resource: Resource;
  /** In which the right is missing; undefined for the whole cluster. */
  readonly namespace: string | undefined;
  readonly what: string;
}

function unreadable(cause: unknown, { what, ...place }: Unreadable): Error {
  const { message } = cause as Error;
  if (!(cause instanceof ApiFailure) || cause.status === 0) return new Error(message, { cause });
  return new Error(`Cannot read ${what}: ${message}${adviceOn(cause, place)}`, { cause });
}

function adviceOn(
  { status }: ApiFailure,
  { resource: { apiVersion }, namespace }: Omit<Unreadable, 'what'>,
): string {
  if (status === 404 && apiVersion === API_VERSION)
    return '; the cluster has no such kind: install the CRDs of Sallyport';
  if (status !== 403) return '';
  const role = apiVersion === API_VERSION ? 'sallyport-viewer' : 'view';
  const binding =
    namespace === undefined ? 'a ClusterRoleBinding' : `a RoleBinding in Namespace "${namespace}"`;
  return `; ask an administrator for ClusterRole "${role}" by ${binding} (docs/denials.md, "What you need")`;
}
