// The parts of others' network policies that show whether they are broader than ours.
import type { KubernetesObject } from '../../lib/kubernetes/api-object.ts';
import type { TenantPolicy } from '../../model/cluster-state.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../model/system-names.ts';

export function isOwned({ metadata }: KubernetesObject): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}

export function tenantPolicyOf({ apiVersion, kind, metadata, ...rest }: KubernetesObject): TenantPolicy {
  const { spec, specs = [] } = rest as { readonly spec?: unknown; readonly specs?: unknown };
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    specs: [spec, ...(Array.isArray(specs) ? (specs as readonly unknown[]) : [specs])].filter(
      (one) => one !== undefined,
    ),
  };
}
