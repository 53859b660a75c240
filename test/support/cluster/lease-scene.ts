// What the replicas of the lease's tests have in common: a lease that is lost within two seconds, and the ConfigMap
// that only its holder may write.
import type { LeaderLeaseOptions } from '../../../operator/deliver/kubernetes/leader-lease.ts';
import type { KubernetesObject, Resource } from '../../../operator/lib/kubernetes/api-object.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';

export const CONFIG_MAPS: Resource = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  isNamespaced: true,
};

export const TIMINGS = { leaseMs: 2000, renewDeadlineMs: 1400, retryMs: 200 };

export function leaseOptions(
  api: KubernetesApi,
  identity: string,
): Pick<LeaderLeaseOptions, 'api' | 'namespace' | 'name' | 'identity' | 'timings'> {
  return { api, namespace: 'default', name: 'sallyport-operator', identity, timings: TIMINGS };
}

export function configMap(by: string, attempt: number): KubernetesObject {
  const metadata = { name: 'leader', namespace: 'default' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { by, attempt: `${attempt}` } };
}
