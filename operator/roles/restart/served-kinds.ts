// The kinds of workloads that an API server has, by the names that kubectl takes for them.
import type { Resource } from '../../lib/kubernetes/api-object.ts';
import { WORKLOAD_KINDS } from '../../model/workload-kind.ts';
import type { PersonApi } from '../shared/person-access.ts';

export interface ServedKind extends Resource {
  readonly group: string;
  /** In lower case: kind, plural, singular and short ones. */
  readonly names: readonly string[];
}

interface Discovered {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly singularName?: string;
  readonly shortNames?: readonly string[];
}

/** In the version that the server prefers. */
export async function servedKinds(api: PersonApi): Promise<readonly ServedKind[]> {
  const wanted = new Set(WORKLOAD_KINDS.map(({ owner }) => owner?.group));
  const { groups = [] } = (await api.request({ method: 'GET', path: '/apis' })) as {
    readonly groups?: readonly {
      readonly name: string;
      readonly preferredVersion: { readonly groupVersion: string };
    }[];
  };
  const versions = groups
    .filter(({ name }) => wanted.has(name))
    .map(({ name, preferredVersion }) => ({ group: name, apiVersion: preferredVersion.groupVersion }));
  const core = { group: '', apiVersion: 'v1' };
  return (await Promise.all([core, ...versions].map((version) => kindsOf(api, version)))).flat();
}

async function kindsOf(
  api: PersonApi,
  { group, apiVersion }: { readonly group: string; readonly apiVersion: string },
): Promise<readonly ServedKind[]> {
  const path = group === '' ? '/api/v1' : `/apis/${apiVersion}`;
  const { resources = [] } = (await api.request({ method: 'GET', path })) as {
    readonly resources?: readonly Discovered[];
  };
  return resources
    .filter(({ name, namespaced }) => namespaced && !name.includes('/'))
    .map(({ name, kind, singularName = '', shortNames = [] }) => ({
      ...{ group, apiVersion, kind, plural: name, isNamespaced: true },
      names: [kind, name, singularName, ...shortNames].map((one) => one.toLowerCase()).filter(Boolean),
    }));
}
