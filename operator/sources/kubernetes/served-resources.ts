// Which of some kinds an API server serves: those of network plugins are optional.
import type { Resource } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';

export async function servedResources<Kind extends Resource>(
  api: KubernetesApi,
  candidates: readonly Kind[],
): Promise<readonly Kind[]> {
  const served = new Map<string, ReadonlySet<string>>();
  for (const { apiVersion } of candidates) {
    if (!served.has(apiVersion)) served.set(apiVersion, await pluralsOf(api, apiVersion));
  }
  return candidates.filter(({ apiVersion, plural }) => served.get(apiVersion)?.has(plural));
}

async function pluralsOf(api: KubernetesApi, apiVersion: string): Promise<ReadonlySet<string>> {
  try {
    const list = (await api.request({ method: 'GET', path: `/apis/${apiVersion}` })) as {
      readonly resources?: readonly { readonly name: string }[];
    };
    return new Set(list.resources?.map(({ name }) => name));
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return new Set();
    throw error;
  }
}
