// Network policies of others that allow pods of a workspace more than its policy, or allow others to connect to the
// gateways' ports of its lanes: KubeNetworkPolicies add up, and so do rules of network plugins and administrators.
import { KUBE_NETWORK_POLICIES, PLUGIN_POLICIES } from '../../../model/cluster-resources.ts';
import type { ClusterState, TenantPolicy } from '../../../model/cluster-state.ts';
import { LANES } from '../../../model/lane.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import { GATEWAY_LABEL, GATEWAY_NAME } from '../../../model/system-names.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import { type ForeignRules, readForeign } from './foreign-policy.ts';
import { type KnownLabels, mayTake } from './known-labels.ts';
import { opensEgress, opensLanePorts } from './kube-policy.ts';

export interface BroaderPoliciesInput {
  readonly plans: readonly WorkspacePlan[];
  readonly state: Pick<ClusterState, 'tenantPolicies' | 'namespaces'>;
  readonly systemNamespace: string;
}

/** A Namespace, and its pods that matter. */
interface Place {
  readonly namespaceLabels: KnownLabels;
  readonly podLabels: KnownLabels;
}

type PodLabels = Readonly<Record<string, readonly (string | undefined)[]>>;

/** Label keys by which plugins name a pod's Namespace. */
const NAMESPACE_KEYS = ['io.kubernetes.pod.namespace', 'projectcalico.org/namespace'];
const NAME_KEYS = ['kubernetes.io/metadata.name', 'projectcalico.org/name'];
/** Pods in lane full are not restricted. */
const HELD_LANES = [...LANES.filter((lane) => lane !== 'full'), undefined];

/** "networkpolicies.networking.k8s.io/allow-all" and so on, by workspace that restricts anything. */
export function findBroaderPolicies({
  plans,
  state,
  systemNamespace,
}: BroaderPoliciesInput): ReadonlyMap<string, readonly string[]> {
  const labelsOf = new Map(state.namespaces.map(({ name, labels }) => [name, labels ?? {}]));
  const placeOf = (namespace: string, pods: PodLabels): Place => ({
    namespaceLabels: namespaceLabels(namespace, labelsOf.get(namespace) ?? {}),
    podLabels: (key) => (NAMESPACE_KEYS.includes(key) ? [namespace] : pods[key]),
  });
  const gateways = placeOf(systemNamespace, { [GATEWAY_LABEL]: [GATEWAY_NAME] });
  const byNamespace = Map.groupBy(state.tenantPolicies, ({ namespace }) => namespace);
  const among = (namespace: string): readonly TenantPolicy[] => [
    ...(byNamespace.get(namespace) ?? []),
    ...(byNamespace.get('') ?? []),
  ];
  const atGateways = among(systemNamespace)
    .filter((policy) => letsIn(policy, gateways))
    .map((policy) => `${nameOf(policy)} at the gateways`);
  return new Map(
    plans.filter(holdsBack).flatMap(({ metadata: { name } }) => {
      const place = placeOf(name, { [LANE_LABEL]: HELD_LANES });
      const own = among(name)
        .filter((policy) => letsOut(policy, place))
        .map(nameOf);
      const names = [...own, ...atGateways];
      return names.length === 0 ? [] : [[name, names.toSorted()] as const];
    }),
  );
}

function holdsBack({ spec: { products, lanes = [] } }: WorkspacePlan): boolean {
  return [...products, ...lanes].some(({ lane }) => lane !== 'full');
}

/** All labels of a Namespace are known; absent ones, too. */
function namespaceLabels(name: string, labels: Readonly<Record<string, string>>): KnownLabels {
  return (key) => [NAME_KEYS.includes(key) ? name : labels[key]];
}

function letsOut(policy: TenantPolicy, place: Place): boolean {
  if (isKube(policy)) return policy.specs.some(opensEgress);
  return rulesOf(policy).some((rules) => rules.allowsEgress && maySelect(rules, place));
}

function letsIn(policy: TenantPolicy, gateways: Place): boolean {
  if (isKube(policy)) return policy.specs.some((spec) => opensLanePorts(spec, gateways.podLabels));
  return rulesOf(policy).some((rules) => rules.allowsIngress && maySelect(rules, gateways));
}

function isKube({ apiVersion }: TenantPolicy): boolean {
  return apiVersion === KUBE_NETWORK_POLICIES.apiVersion;
}

function rulesOf({ apiVersion, specs }: TenantPolicy): readonly ForeignRules[] {
  return specs.map((spec) => readForeign(apiVersion, spec));
}

function maySelect({ subjects }: ForeignRules, { namespaceLabels: ofNamespace, podLabels }: Place): boolean {
  return subjects.some(
    ({ namespaceSelector = {}, podSelector = {} }) =>
      mayTake(namespaceSelector, ofNamespace) && mayTake(podSelector, podLabels),
  );
}

/** As an argument of kubectl. */
function nameOf({ apiVersion, kind, name }: TenantPolicy): string {
  const resource = [KUBE_NETWORK_POLICIES, ...PLUGIN_POLICIES].find(
    (known) => known.apiVersion === apiVersion && known.kind === kind,
  );
  return `${resource?.plural ?? kind}.${apiVersion.split('/')[0]}/${name}`;
}
