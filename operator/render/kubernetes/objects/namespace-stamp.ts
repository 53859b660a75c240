// A plan -> the annotations of its Namespace, from which admission stamps every pod that starts there. Undefined until
// every lane has an address: before that no pod may start.
import { contentHash } from '../../../compile/content-hash.ts';
import type { ApiServerPlace } from '../../../model/cluster-state.ts';
import type { Lane } from '../../../model/lane.ts';
import { PROXY_PORT } from '../../../model/lane-port.ts';
import {
  CLUSTER_DNS_ANNOTATION,
  CLUSTER_DOMAIN_ANNOTATION,
  DEFAULT_LANE_ANNOTATION,
  dnsAnnotation,
  laneAnnotation,
  NO_PROXY_ANNOTATION,
  proxyAnnotation,
  STAMP_ANNOTATION,
  USUAL_CLUSTER_DOMAIN,
} from '../../../model/stamp.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import type { ClusterSettings } from './desired-object.ts';

export type Annotations = Readonly<Record<string, string>>;

export function namespaceStamp(
  { spec }: WorkspacePlan,
  apiServer: ApiServerPlace,
  settings: ClusterSettings,
): Annotations | undefined {
  const lanes = new Map(
    (spec.lanes ?? []).map(({ lane, serviceAddresses }) => [lane, serviceAddresses ?? []]),
  );
  const taken = new Set(spec.products.map(({ lane }) => lane).filter((lane) => lane !== 'full'));
  if ([...taken].some((lane) => (lanes.get(lane) ?? []).length === 0)) return undefined;
  const content: Annotations = {
    [DEFAULT_LANE_ANNOTATION]: laneOfGeneral(spec),
    ...Object.fromEntries(spec.products.map(({ product, lane }) => [laneAnnotation(product), lane])),
    ...Object.assign({}, ...[...lanes].map(([lane, addresses]) => laneAddresses(lane, addresses))),
    [NO_PROXY_ANNOTATION]: noProxy(apiServer, settings),
    ...clusterDns(settings),
  };
  return { ...content, [STAMP_ANNOTATION]: contentHash(content) };
}

function laneOfGeneral({ products }: WorkspacePlan['spec']): Lane {
  return products.find(({ product }) => product === 'GENERAL')?.lane ?? 'sealed';
}

function laneAddresses(lane: Lane, addresses: readonly string[]): Annotations {
  const [first] = addresses;
  if (first === undefined) return {};
  const host = addresses.find((address) => !address.includes(':')) ?? `[${first}]`;
  return {
    [proxyAnnotation(lane)]: `http://${host}:${PROXY_PORT}`,
    [dnsAnnotation(lane)]: addresses.join(','),
  };
}

/** Written only where it is configured, or differs from the default. */
function clusterDns({ clusterDomain, clusterDns: servers }: ClusterSettings): Annotations {
  return {
    ...(clusterDomain === USUAL_CLUSTER_DOMAIN ? {} : { [CLUSTER_DOMAIN_ANNOTATION]: clusterDomain }),
    ...(servers.length === 0 ? {} : { [CLUSTER_DNS_ANNOTATION]: servers.join(',') }),
  };
}

/** What a pod reaches without the gateway. Not cloud metadata: the gateway denies it, and leaves a row. */
function noProxy({ serviceAddresses }: ApiServerPlace, { clusterDomain }: ClusterSettings): string {
  return [
    'localhost',
    '127.0.0.1',
    '::1',
    '.svc',
    `.${clusterDomain}`,
    'kubernetes.default',
    ...serviceAddresses,
  ].join(',');
}
