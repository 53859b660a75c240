// What gateways of both directions and the REST API may do, which report for their own pods.
import {
  CALLER_REPORTS,
  EGRESS_TABLES,
  ENDPOINT_SLICES,
  GATEWAY_REPORTS,
  INGRESS_PLANS,
  PODS,
  SERVICES,
  WORKSPACE_PLANS,
} from '../../model/cluster-resources.ts';
import { GATEWAY_LEASE_NAME, type Installation } from '../../model/system-names.ts';
import { APPLY, allow, type Grant, leaseOf, READ } from './grant.ts';

/** Admission says which: that of the pod itself. */
const OWN_REPORT = allow(['get', ...APPLY], [GATEWAY_REPORTS]);

export function gatewayGrants({ systemNamespace, gatewayAccount }: Installation): readonly Grant[] {
  const gateway = { name: gatewayAccount, account: gatewayAccount };
  return [
    // Services whose names the gateway forwards to the cluster's DNS.
    { ...gateway, rules: [allow(['list', 'watch'], [SERVICES])] },
    {
      ...gateway,
      namespace: systemNamespace,
      rules: [
        allow(READ, [EGRESS_TABLES, WORKSPACE_PLANS]),
        OWN_REPORT,
        // Its own pod, the owner of the report, and those of its pool.
        allow(READ, [PODS]),
        // Of all lanes, by the one that holds the lease.
        allow([...READ, ...APPLY, 'delete'], [ENDPOINT_SLICES]),
        ...leaseOf(GATEWAY_LEASE_NAME),
      ],
    },
  ];
}

export function inboundGrants({
  systemNamespace,
  ingressAccount,
  apiAccount,
}: Installation): readonly Grant[] {
  const ingress = { name: ingressAccount, account: ingressAccount };
  return [
    // Addresses of backends. Secrets are granted one by one, by Roles that the operator writes.
    { ...ingress, rules: [allow(['list', 'watch'], [SERVICES])] },
    {
      ...ingress,
      namespace: systemNamespace,
      rules: [allow(READ, [INGRESS_PLANS]), OWN_REPORT, allow(['get'], [PODS])],
    },
    // It asks the API server with the token of its caller; its own rights are for what it obeys and reports.
    {
      name: apiAccount,
      account: apiAccount,
      namespace: systemNamespace,
      rules: [
        allow(READ, [INGRESS_PLANS]),
        allow(['get', 'list', ...APPLY], [CALLER_REPORTS]),
        OWN_REPORT,
        allow(['get'], [PODS]),
      ],
    },
  ];
}
