// How the KubeNetworkPolicies of gateways name the API server. Some network plugins never let an ipBlock match a node:
// with Cilium's default the first cuts gateways off from an API server on one. Imports nothing, so that the command line
// may.
/** Its addresses, or any address at its ports. */
export const API_SERVER_EGRESS = ['ipBlock', 'anyAddress'] as const;
export type ApiServerEgress = (typeof API_SERVER_EGRESS)[number];
