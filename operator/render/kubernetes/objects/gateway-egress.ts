// Egress of the gateways themselves: the third layer of the address guard, outside Envoy. Public addresses, private
// endpoints, the cluster's name servers and the API server; nothing else that is private.
import { formatRange, parseAddressRange } from '../../../model/address-range.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import { isDryRun } from '../../../model/lane.ts';
import { compareText, objectsOf } from '../../../model/snapshot.ts';
import { LOCAL_RANGES, METADATA_RANGES, NON_PUBLIC_RANGES } from '../../../model/special-address.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { gatewayToApiServer } from './api-server-rules.ts';
import type { ClusterSettings } from './desired-object.ts';
import { blocksExcept } from './ip-blocks.ts';

type Rule = Readonly<Record<string, unknown>>;

/** Of the cluster's own name servers, whatever runs them. */
const NAME_SERVERS = { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } };
const DNS_PORTS = ['UDP', 'TCP'].map((protocol) => ({ protocol, port: 53 }));

export function gatewayEgress(
  plans: readonly WorkspacePlan[],
  state: ClusterState,
  { clusterDns, apiServerEgress }: ClusterSettings,
): readonly Rule[] {
  return [
    { to: publicBlocks(plans) },
    ...toRanges(privateRanges(state)),
    { to: [NAME_SERVERS, ...clusterDns.map(host).map((cidr) => ({ ipBlock: { cidr } }))], ports: DNS_PORTS },
    ...gatewayToApiServer(state.apiServer, apiServerEgress),
  ];
}

/** Envoy denies IPv4 inside IPv6. */
const SHUT_IN_DRY_RUN = [
  ...METADATA_RANGES,
  ...LOCAL_RANGES.filter(({ address }) => !address.startsWith('::')),
];

/** While a workspace has a dry-run lane, this layer denies only what dry-run denies on every gateway. */
function publicBlocks(plans: readonly WorkspacePlan[]): readonly Rule[] {
  const hasDryRun = plans.some(({ spec }) => (spec.lanes ?? []).some(({ lane }) => isDryRun(lane)));
  return blocksExcept(hasDryRun ? SHUT_IN_DRY_RUN : NON_PUBLIC_RANGES);
}

function toRanges(cidrs: readonly string[]): readonly Rule[] {
  return cidrs.length === 0 ? [] : [{ to: cidrs.map((cidr) => ({ ipBlock: { cidr } })) }];
}

/** An unreadable range allows nothing. */
function privateRanges({ snapshot }: ClusterState): readonly string[] {
  const texts = objectsOf(snapshot, 'PrivateEndpoint').flatMap(({ spec }) => spec.addressRanges ?? []);
  const ranges = texts.map(parseAddressRange).flatMap((parsed) => ('range' in parsed ? [parsed.range] : []));
  return [...new Set(ranges.map(formatRange))].toSorted(compareText);
}

function host(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}
