// Objects of a benchmark's cluster, as people write them, and writing many of them at once. One line for each thing
// that a benchmark wants: a policy, a workspace, a pod in a lane.
import { type KubernetesObject, pathOf, type Resource } from '../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { INPUT_RESOURCES, NAMESPACES, PODS } from '../../operator/model/cluster-resources.ts';
import { LANE_LABEL, PRODUCT_LABEL, STAMP_LABEL } from '../../operator/model/stamp.ts';
import { type Manifest, manifest, policyManifest, workspaceManifest } from '../fixtures/object-fixture.ts';

const AT_ONCE = 16;
const MANAGER = 'bench';

const RESOURCES: readonly Resource[] = [...INPUT_RESOURCES, NAMESPACES, PODS];

export function resourceOfKind(kind: string): Resource {
  const found = RESOURCES.find((resource) => resource.kind === kind);
  if (found === undefined) throw new Error(`Cannot write kind "${kind}"`);
  return found;
}

/** Server-side apply; resolves with what is stored then. */
export async function apply(api: KubernetesApi, object: Manifest): Promise<KubernetesObject> {
  const answer = await api.request({
    method: 'PATCH',
    path: pathOf(resourceOfKind(object.kind), object.metadata as { readonly name: string }),
    query: { fieldManager: MANAGER, force: 'true' },
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
  return answer as KubernetesObject;
}

export async function create(api: KubernetesApi, object: Manifest): Promise<void> {
  const { namespace } = object.metadata as { readonly namespace?: string };
  await api.request({
    method: 'POST',
    path: pathOf(resourceOfKind(object.kind), { namespace }),
    body: object,
  });
}

export async function forEach<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export function workspaceNames(count: number, prefix = 'team'): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${String(at).padStart(4, '0')}`);
}

export function policyOf(
  name: string,
  destinations: readonly string[],
  enforcementMode: 'ENFORCED' | 'DRY_RUN' = 'ENFORCED',
): Manifest {
  const allowedInternetDestinations = destinations.map((destination) => ({ destination }));
  return policyManifest(name, { allowedInternetDestinations, policyEnforcement: { enforcementMode } });
}

/** With its assignment first, so that it never has another policy. */
export async function createWorkspace(
  api: KubernetesApi,
  name: string,
  networkPolicyId: string,
): Promise<void> {
  await create(api, manifest('PolicyAssignment', name, { networkPolicyId }));
  await create(api, workspaceManifest(name));
}

/** As admission stamps it. */
export function stampedPod(namespace: string, name: string, stamp: string): Manifest {
  const labels = { [LANE_LABEL]: 'enforced', [PRODUCT_LABEL]: 'GENERAL', [STAMP_LABEL]: stamp };
  const container = { name: 'main', image: 'example.invalid/main' };
  const metadata = { namespace, name, labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } };
}
