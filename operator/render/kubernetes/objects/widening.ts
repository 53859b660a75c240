// Network policies of others that allow pods of a workspace more than ours do: KubeNetworkPolicies add up, and so do
// the rules of network plugins. Admission refuses new ones, by the same rule; this names those that are there.
import type { ClusterState, TenantPolicy } from '../../../model/cluster-state.ts';
import { LANES, type Lane, OPEN_LANES } from '../../../model/product.ts';
import { objectsOf } from '../../../model/snapshot.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';

/** 'NetworkPolicy "allow-all"' and so on, by workspace; cluster-wide rules count for every workspace. */
export function findWidening(state: ClusterState): ReadonlyMap<string, readonly string[]> {
  const found = state.tenantPolicies.filter(canWiden);
  const everywhere = found.filter(({ namespace }) => namespace === '').map(nameOf);
  const byNamespace = Map.groupBy(found, ({ namespace }) => namespace);
  return new Map(
    objectsOf(state.snapshot, 'Workspace').flatMap(({ metadata: { name } }) => {
      const names = [...(byNamespace.get(name) ?? []).map(nameOf), ...everywhere];
      return names.length === 0 ? [] : [[name, names.toSorted()] as const];
    }),
  );
}

function nameOf({ kind, name }: TenantPolicy): string {
  return `${kind} "${name}"`;
}

interface Rules {
  readonly podSelector?: PodSelector;
  readonly egress?: readonly { readonly to?: readonly Peer[] }[];
}

interface Peer {
  readonly podSelector?: PodSelector;
  readonly namespaceSelector?: unknown;
  readonly ipBlock?: unknown;
}

interface PodSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Rules of plugins can always widen: they know hosts, entities and orders of their own. */
function canWiden({ apiVersion, spec }: TenantPolicy): boolean {
  if (apiVersion !== 'networking.k8s.io/v1') return true;
  const { podSelector = {}, egress = [] } = (spec ?? {}) as Rules;
  if (selectsOnly(podSelector, OPEN_LANES)) return false;
  const shut = selectsOnly(podSelector, ['enforced'])
    ? OPEN_LANES
    : LANES.filter((lane) => lane !== 'sealed');
  return egress.some(({ to = [] }) => to.length === 0 || to.some((peer) => !staysInside(peer, shut)));
}

/** A pod of the own Namespace, and surely none in a lane that is more open and could relay. */
function staysInside({ podSelector, namespaceSelector, ipBlock }: Peer, shut: readonly Lane[]): boolean {
  if (namespaceSelector !== undefined || ipBlock !== undefined || podSelector === undefined) return false;
  return selectsNone(podSelector, shut);
}

/** Whether a selector surely takes pods of these lanes only. */
function selectsOnly({ matchLabels, matchExpressions = [] }: PodSelector, lanes: readonly string[]): boolean {
  const lane = matchLabels?.[LANE_LABEL];
  if (lane !== undefined && lanes.includes(lane)) return true;
  return matchExpressions.some(
    ({ key, operator, values = [] }) =>
      key === LANE_LABEL && operator === 'In' && values.every((value) => lanes.includes(value)),
  );
}

/** Whether a selector surely takes no pod of these lanes. Pods without a lane are treated as the strictest. */
function selectsNone({ matchLabels, matchExpressions = [] }: PodSelector, lanes: readonly string[]): boolean {
  const lane = matchLabels?.[LANE_LABEL];
  if (lane !== undefined && !lanes.includes(lane)) return true;
  return matchExpressions.some(({ key, operator, values = [] }) => {
    if (key !== LANE_LABEL) return false;
    if (operator === 'In') return !values.some((value) => lanes.includes(value));
    if (operator === 'NotIn') return lanes.every((shut) => values.includes(shut));
    return operator === 'DoesNotExist';
  });
}
