// Who may do what -> ServiceAccounts, roles and their bindings of an installation. Our own programs get what they use and
// no more; people get roles that aggregate into Kubernetes' view and admin, and two for account admins.
import type { Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { gatewayGrants, inboundGrants } from './gateway-grants.ts';
import { renderGrant } from './grant.ts';
import { canaryPods, evictions, operatorGrants, ownerReading } from './operator-grants.ts';
import { peopleGrants } from './people-grants.ts';

/** The Namespace first, since the rest is in it. */
export function renderRbac(installation: Installation): readonly JsonObject[] {
  const { systemNamespace, operatorAccount, gatewayAccount, ingressAccount, apiAccount } = installation;
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
    ...[operatorAccount, gatewayAccount, ingressAccount, apiAccount].map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: systemNamespace },
    })),
    ...[operatorGrants, gatewayGrants, inboundGrants, peopleGrants]
      .flatMap((grantsOf) => grantsOf(installation))
      .flatMap((grant) => renderGrant(grant, systemNamespace)),
  ];
}

/** Of the operator, where it may evict pods, which is not part of every installation. */
export function renderEvictionRole(installation: Installation): readonly JsonObject[] {
  return renderGrant(evictions(installation), installation.systemNamespace);
}

/** Of the operator, in the Namespace of canary pods, which is not part of every installation. */
export function renderCanaryRoles(installation: Installation): readonly JsonObject[] {
  return renderGrant(canaryPods(installation), installation.systemNamespace);
}

/** Of the operator, for the names of workloads, which is not part of every installation. */
export function renderOwnerRbac(installation: Installation): readonly JsonObject[] {
  return renderGrant(ownerReading(installation), installation.systemNamespace);
}
