// Lines of the attack list that another test replays, because they need a cluster, minutes or many connections.
export interface CoveredElsewhere {
  /** A number of the list, or "K" for the hazards of Kubernetes and of edits, which have none. */
  readonly number: string;
  readonly title: string;
  readonly file: string;
}

const ROWS: readonly (readonly [number: string, title: string, file: string])[] = [
  ['N29', 'the API server counts destinations, too', 'test/apiserver/control-plane.test.ts'],
  [
    'P58',
    'a pod of another workspace at the egress listener of this one',
    'operator/render/kubernetes/objects/isolation.test.ts',
  ],
  ['P59', 'headers that a client makes up do not travel on', 'test/envoy/denied-requests.test.ts'],
  ['P61', '1,100 idle tunnels of one workspace do not stop another', 'test/envoy/starvation.test.ts'],
  ['S70', '100 tunnels at once keep the right name and source', 'test/envoy/concurrent-tunnels.test.ts'],
  ['S75', 'QUIC of a pod', 'operator/render/kubernetes/objects/isolation.test.ts'],
  ['D82', 'a client that asks more often than a client may', 'operator/gateway/dns/dns-responder.test.ts'],
  ['D86', 'an answer that changes while the name is in use (rebinding)', 'test/envoy/address-guard.test.ts'],
  ['I98', 'private endpoints reach their own ranges only', 'test/envoy/address-guard.test.ts'],
  ['I100', 'a pod that goes past the gateway', 'operator/render/kubernetes/objects/isolation.test.ts'],
  ['B102', 'every host form of a bucket, by decision and by Envoy', 'test/cases/storage-destinations'],
  ['K', 'a namespace without a policy has the default policy', 'test/cases/default-policy-for-unassigned'],
  ['K', 'a new workspace: isolation first, pods afterwards', 'test/apiserver/operator-workspaces.test.ts'],
  ['K', 'a pod without a product, or one that it may not claim', 'test/apiserver/admit-pods.test.ts'],
  ['K', 'a pod that starts before its policy is programmed', 'test/apiserver/admit-pods.test.ts'],
  ['K', 'hostNetwork', 'test/apiserver/admit-openings.test.ts'],
  ['K', 'hostNetwork at a gate, or without a lane', 'test/apiserver/operator-waiting.test.ts'],
  ['K', 'volumes and probes by which the node goes elsewhere', 'test/apiserver/admit-openings.test.ts'],
  ['K', 'a Service with an address of others', 'test/apiserver/admit-addresses.test.ts'],
  ['K', 'a pod with an address of others, or above them', 'test/apiserver/admit-neighbours.test.ts'],
  ['K', 'labels of a running pod are changed', 'test/apiserver/admit-stamps.test.ts'],
  ['K', 'an ephemeral debug container', 'test/apiserver/admit-stamps.test.ts'],
  ['K', 'a generated KubeNetworkPolicy is edited or deleted', 'test/apiserver/operator-drift.test.ts'],
  ['K', 'a cluster-admin writes what only Sallyport writes', 'test/apiserver/admit-identities.test.ts'],
  ['K', 'a stolen token of the operator', 'test/apiserver/admit-operator.test.ts'],
  ['K', 'a pod that waits while its workspace is shut', 'test/apiserver/operator-waiting.test.ts'],
  ['K', 'a tenant adds a KubeNetworkPolicy that allows all', 'test/apiserver/admit-isolation.test.ts'],
  ['K', 'the default policy, or an assigned one, is deleted', 'test/apiserver/admit-objects.test.ts'],
  ['K', 'two assignments, or two namespaces of one id', 'test/cases/workspace-id-conflict'],
  ['K', 'an assignment to a policy that is missing', 'test/cases/missing-policy-denies'],
  ['K', 'dots in names of policies and tables', 'test/envoy/envoy-admin.test.ts'],
  ['K', 'an Envoy that is too old', 'operator/gateway/process/find-envoy.test.ts'],
  [
    'K',
    'open lanes are shut off from metadata on a cluster',
    'operator/render/kubernetes/objects/isolation.test.ts',
  ],
  [
    'K',
    'pods that wait, and start after their Namespace became a workspace',
    'test/apiserver/operator-waiting.test.ts',
  ],
  ['K', 'generated answers for names of Services', 'operator/gateway/dns/endpoint-answer.test.ts'],
  ['K', 'wildcard rights and broken glass', 'test/apiserver/admit-break-glass.test.ts'],
  ['K', "a stolen token of the operator's", 'test/apiserver/admit-operator.test.ts'],
  ['K', 'random edits of the folder, and obstacles to them', 'test/envoy/random-edits.test.ts'],
  ['K', 'an empty list of destinations', 'test/cases/empty-allow-list-denies-all'],
];

export const COVERED_ELSEWHERE: readonly CoveredElsewhere[] = ROWS.map(([number, title, file]) => ({
  number,
  title,
  file,
}));
