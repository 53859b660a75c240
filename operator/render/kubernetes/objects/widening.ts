// Network policies of others that allow pods of a workspace more than ours do: KubeNetworkPolicies add up, and so do
// the rules of network plugins. Admission refuses new ones; this names those that are there.
import type { ClusterState, TenantPolicy } from '../../../model/cluster-state.ts';
import { OPEN_LANES } from '../../../model/product.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';

/** "NetworkPolicy allow-all" and so on, by Namespace; cluster-wide rules count for every workspace. */
export function findWidening(state: ClusterState): ReadonlyMap<string, readonly string[]> {
  const found = state.tenantPolicies.filter(canWiden);
  const everywhere = found.filter(({ namespace }) => namespace === '').map(nameOf);
  const byNamespace = Map.groupBy(found, ({ namespace }) => namespace);
  const workspaces = state.snapshot.objects.filter(({ kind }) => kind === 'Workspace');
  return new Map(
    workspaces.flatMap(({ metadata: { name } }) => {
      const names = [...(byNamespace.get(name) ?? []).map(nameOf), ...everywhere];
      return names.length === 0 ? [] : [[name, names.toSorted()] as const];
    }),
  );
}

function nameOf({ kind, name }: TenantPolicy): string {
  return `${kind} "${name}"`;
}

interface EgressRule {
  readonly to?: readonly Peer[];
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
  const { egress = [] } = (spec ?? {}) as { readonly egress?: readonly EgressRule[] };
  return egress.some(({ to = [] }) => to.length === 0 || to.some((peer) => !staysInside(peer)));
}

/** A pod of the own Namespace, and surely none that is open and could relay. */
function staysInside({ podSelector, namespaceSelector, ipBlock }: Peer): boolean {
  if (namespaceSelector !== undefined || ipBlock !== undefined || podSelector === undefined) return false;
  const lane = podSelector.matchLabels?.[LANE_LABEL];
  if (lane !== undefined && !OPEN_LANES.some((open) => open === lane)) return true;
  return (podSelector.matchExpressions ?? []).some(
    ({ key, operator, values = [] }) =>
      key === LANE_LABEL && operator === 'NotIn' && OPEN_LANES.every((open) => values.includes(open)),
  );
}
