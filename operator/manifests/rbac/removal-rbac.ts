// What `sallyport remove` may do. Not part of an installation: the chart grants it for the length of "helm uninstall".
import {
  type ClusterResource,
  LEASES,
  NAMESPACES,
  REMOVED_AT_HOME,
  REMOVED_BY_NAME,
  REMOVED_EVERYWHERE,
  REMOVED_OF_COLLECTOR,
} from '../../model/cluster-resources.ts';
import {
  COLLECTOR_NAME,
  INGRESS_TLS_ROLE,
  type Installation,
  LEASE_NAMES,
  REMOVE_ACCOUNT,
} from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { allow, type RbacRule, renderGrant } from './grant.ts';

export function renderRemovalRbac({ systemNamespace }: Installation): readonly JsonObject[] {
  const remove = (resources: readonly ClusterResource[]): readonly RbacRule[] =>
    [...Map.groupBy(resources, ({ apiVersion }) => apiVersion).values()].map((group) =>
      allow(['list', 'delete'], group),
    );
  const account = { name: REMOVE_ACCOUNT, account: REMOVE_ACCOUNT };
  const everywhere = [
    allow(['list', 'patch'], [NAMESPACES]),
    ...remove(REMOVED_EVERYWHERE),
    ...remove(REMOVED_BY_NAME).map((rule) => ({ ...rule, resourceNames: [INGRESS_TLS_ROLE] })),
  ];
  const atHome = [
    ...remove(REMOVED_AT_HOME),
    ...remove(REMOVED_OF_COLLECTOR).map((rule) => ({ ...rule, resourceNames: [COLLECTOR_NAME] })),
    { ...allow(['delete'], [LEASES]), resourceNames: LEASE_NAMES },
  ];
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: REMOVE_ACCOUNT, namespace: systemNamespace },
    },
    ...renderGrant({ ...account, rules: everywhere }, systemNamespace),
    ...renderGrant({ ...account, namespace: systemNamespace, rules: atHome }, systemNamespace),
  ];
}
