// Findings of canary pods -> whether the network isolates each workspace. The nodes on which its isolated pods run
// count; where there are none, all nodes that were measured. One that lets a pod through is enough for False, one of
// which nothing is known for Unknown.
import type { ClusterState, StampedPod } from '../../../model/cluster-state.ts';
import { storedConditions, type Verdict } from '../../../model/condition.ts';
import {
  freshFinding,
  freshUntil,
  type IsolationMeasurements,
  type NodeMeasurement,
} from '../../../model/isolation.ts';
import { isIsolated } from '../../../model/lane.ts';
import { compareText } from '../../../model/snapshot.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';

export type Isolated = Verdict<'Isolated'>;

const ENFORCED: Isolated = {
  status: 'True',
  reason: 'Enforced',
  message:
    'On every node that was measured, pods reach what their KubeNetworkPolicy allows, and nothing else',
};

/** There is nothing to isolate, and Ready does not wait for it. */
const NOT_ISOLATED: Isolated = {
  status: 'Unknown',
  reason: 'NotIsolated',
  message: 'No lane of its policy is isolated: full access and dry-run restrict nothing',
};

export interface IsolatedInput {
  readonly plans: readonly WorkspacePlan[];
  readonly state: Pick<ClusterState, 'pods' | 'statuses'>;
  readonly isolation: IsolationMeasurements;
  readonly atMs: number;
}

/** By workspace. */
export function isolatedWorkspaces({
  plans,
  state,
  isolation,
  atMs,
}: IsolatedInput): ReadonlyMap<string, Isolated> {
  const nodes = isolation.nodes.toSorted((a, b) => compareText(a.node || a.wanted, b.node || b.wanted));
  const pods = Map.groupBy(state.pods.filter(isOnNode), ({ namespace }) => namespace);
  return new Map(
    plans.map((plan) => {
      const { name } = plan.metadata;
      const used = new Set((pods.get(name) ?? []).map(({ nodeName }) => nodeName));
      if (used.size === 0 && !plan.spec.products.some(({ lane }) => isIsolated(lane)))
        return [name, NOT_ISOLATED];
      const stored = storedVerdict(state.statuses.get(`PolicyAssignment/${name}`)?.status);
      return [name, judge({ used, stored }, { ...isolation, nodes }, atMs)];
    }),
  );
}

function isOnNode({ lane, nodeName }: StampedPod): boolean {
  return nodeName !== '' && isIsolated(lane);
}

interface Workspace {
  /** Nodes on which its isolated pods run. */
  readonly used: ReadonlySet<string>;
  /** What was found before, maybe by another replica. */
  readonly stored: Isolated | undefined;
}

function judge({ used, stored }: Workspace, isolation: IsolationMeasurements, atMs: number): Isolated {
  const { nodes, obstacle } = isolation;
  const own = nodes.filter(({ node, wanted }) => used.has(node) || used.has(wanted));
  const counted = own.length > 0 ? own : nodes;
  const fresh = (one: NodeMeasurement) => freshFinding(one, isolation, atMs);
  const [open, ...more] = counted.filter((one) => fresh(one)?.reached !== undefined);
  if (open !== undefined) return notEnforced(open, more.length);
  if (stored !== undefined && isTooEarly({ used, stored }, isolation)) return stored;
  const unknown = counted.find((one) => fresh(one) === undefined);
  if (counted.length > 0 && unknown === undefined) return ENFORCED;
  return notMeasured(unknown?.failure ?? obstacle ?? 'The first canary pod is on its way');
}

/**
 * A replica that has just become leader knows nothing yet: what was found before counts until it does, and a node that
 * let a pod through until all nodes of the workspace were measured.
 */
function isTooEarly(
  { used, stored }: Workspace,
  { nodes, obstacle }: Pick<IsolationMeasurements, 'nodes' | 'obstacle'>,
): boolean {
  if (nodes.length === 0 && obstacle === undefined) return true;
  const isMeasured = (name: string): boolean =>
    nodes.some(({ node, wanted }) => node === name || wanted === name);
  return stored?.status === 'False' && ![...used].every(isMeasured);
}

function notEnforced({ node, finding }: NodeMeasurement, more: number): Isolated {
  const others = more === 0 ? '' : ` (and so on ${more} more)`;
  return {
    status: 'False',
    reason: 'NotEnforced',
    message: `On node "${node}" a pod reached ${finding?.reached}, which its KubeNetworkPolicy denies${others}: install or repair a CNI that enforces NetworkPolicies`,
  };
}

function notMeasured(why: string): Isolated {
  return { status: 'Unknown', reason: 'NotMeasured', message: why };
}

function storedVerdict(status: unknown): Isolated | undefined {
  const found = storedConditions(status).find(({ type }) => type === 'Isolated');
  if (found === undefined) return undefined;
  const { status: is, reason, message } = found;
  if (is === 'True' && reason === ENFORCED.reason) return ENFORCED;
  return is === 'False' && reason === 'NotEnforced' ? { status: is, reason, message } : undefined;
}

/** When the first of the findings that count now no longer does; undefined where none does. */
export function nextStale({ nodes, intervalMs }: IsolationMeasurements, atMs: number): number | undefined {
  const times = nodes.map((one) => freshUntil(one, intervalMs) + 1).filter((timeMs) => timeMs > atMs);
  return times.length === 0 ? undefined : Math.min(...times);
}
