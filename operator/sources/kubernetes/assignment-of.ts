// A workspace -> its PolicyAssignment as Events regard it, remembered for a minute: none where it is not there or may not
// be read. Rejects where the API server does not say.
import { LRUCache } from 'lru-cache';
import { type KubernetesObject, type ObjectReference, pathOf } from '../../lib/kubernetes/api-object.ts';
import { ApiFailure, type KubernetesApi } from '../../lib/kubernetes/kubernetes-api.ts';
import { POLICY_ASSIGNMENTS } from '../../model/cluster-resources.ts';

const KNOWN_MS = 60_000;
const MOST_KNOWN = 10_000;
const TIMEOUT_MS = 5000;
/** Not there, or no right to read it. */
const NONE: readonly number[] = [403, 404];

export function assignmentLookup(
  api: Pick<KubernetesApi, 'request'>,
): (workspace: string) => Promise<readonly ObjectReference[]> {
  const known = new LRUCache<string, Promise<readonly ObjectReference[]>>({ max: MOST_KNOWN, ttl: KNOWN_MS });
  return (workspace) => {
    const found = known.get(workspace) ?? read(api, workspace).catch(noneOrFailure);
    known.set(workspace, found, { noUpdateTTL: true });
    found.catch(() => known.delete(workspace));
    return found;
  };
}

function noneOrFailure(error: unknown): readonly ObjectReference[] {
  if (error instanceof ApiFailure && NONE.includes(error.status)) return [];
  throw error;
}

async function read(
  api: Pick<KubernetesApi, 'request'>,
  workspace: string,
): Promise<readonly ObjectReference[]> {
  const { apiVersion, kind, isNamespaced } = POLICY_ASSIGNMENTS;
  const namespace = isNamespaced ? workspace : undefined;
  const path = pathOf(POLICY_ASSIGNMENTS, { namespace, name: workspace });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { metadata } = (await api.request({
    method: 'GET',
    path,
    onlyMetadata: true,
    signal,
  })) as KubernetesObject;
  return [{ apiVersion, kind, name: workspace, namespace, uid: metadata.uid ?? '' }];
}
