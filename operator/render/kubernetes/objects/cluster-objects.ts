// Plans and tables -> every object that the operator maintains in a cluster, in the groups in which they are written:
// the isolation of a workspace comes before the stamp that lets pods start in it.
import type { ClusterPlans } from '../../../compile/cluster-plans.ts';
import { memoize } from '../../../lib/memo.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import type { EgressTable } from '../../../model/egress-table.ts';
import type { IngressPlan } from '../../../model/ingress-plan.ts';
import { API_VERSION, DEFAULT_POLICY } from '../../../model/kubernetes-object.ts';
import type { NetworkPolicy } from '../../../model/network-policy.ts';
import { isUnreadable, objectsOf, type Snapshot } from '../../../model/snapshot.ts';
import { ADOPT_ANNOTATION, STAMP_ANNOTATION } from '../../../model/stamp.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../model/system-names.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import {
  type ClusterSettings,
  type DesiredObject,
  managedLabels,
  workspaceLabels,
} from './desired-object.ts';
import { gatewayEgress } from './gateway-egress.ts';
import { gatewayBaseline, gatewayIngress } from './gateway-ingress.ts';
import { ingressBaseline, ingressObjects } from './ingress-objects.ts';
import { heldIsolation, isolation } from './isolation.ts';
import { laneServices } from './lane-services.ts';
import { namespaceStamp } from './namespace-stamp.ts';

export interface ClusterObjects {
  /** Created where missing, and never overwritten. */
  readonly createdOnce: readonly DesiredObject[];
  /** Tables, plans, Services, isolation and assignments. */
  readonly objects: readonly DesiredObject[];
  /** Namespaces with the annotations that let pods start, of workspaces that have all that they need. */
  readonly stamps: readonly DesiredObject[];
  /** Workspaces whose running pods get lane full before they are isolated: those without a stamp. */
  readonly exempting: readonly string[];
  /** Workspaces whose running pods are isolated too, as somebody wished. */
  readonly adopting: ReadonlySet<string>;
  /** Of Namespaces without a stamp: what isolates held pods alone, wanted only while isolation waits, else left alone. */
  readonly holding: readonly DesiredObject[];
  /** Namespaces that are no workspace any more and never got a stamp: nothing of ours can be created there. */
  readonly unready: ReadonlySet<string>;
  /** Namespaces that carry a stamp, are no workspace any more, and have no isolated pod left. */
  readonly unstamped: readonly string[];
  /** Terminating Namespaces: nothing can be created there any more. */
  readonly terminating: ReadonlySet<string>;
  /** Assignments that the operator created for Namespaces that are gone, and that users have not changed. */
  readonly abandoned: readonly string[];
}

/** What the objects are made from. */
export interface PlannedCluster extends ClusterPlans {
  readonly ingressPlans: readonly IngressPlan[];
}

export function clusterObjects(
  compiled: PlannedCluster,
  state: ClusterState,
  settings: ClusterSettings,
): ClusterObjects {
  const terminating = new Set(
    state.namespaces
      .filter(({ deletionTimestamp }) => deletionTimestamp !== undefined)
      .map(({ name }) => name),
  );
  const labelled = objectsOf(state.snapshot, 'Workspace').map(({ metadata }) => metadata.name);
  const workspaces = new Set(labelled.filter((name) => !terminating.has(name)));
  const planned = new Set(compiled.plans.map(({ metadata }) => metadata.name));
  const namespaces = new Map(state.namespaces.map((metadata) => [metadata.name, metadata]));
  const has = (name: string, annotation: string): boolean =>
    namespaces.get(name)?.annotations?.[annotation] !== undefined;
  return {
    createdOnce: missingDefault(state),
    objects: [...heldObjects(compiled, state, settings), ...[...workspaces].map(assignmentObject)].filter(
      ({ metadata }) => !terminating.has(metadata.namespace ?? ''),
    ),
    stamps: compiled.plans
      .filter(({ metadata }) => workspaces.has(metadata.name))
      .flatMap((plan) => stampObject(plan, state.apiServer, settings)),
    exempting: [...workspaces].filter((name) => !has(name, STAMP_ANNOTATION)),
    adopting: new Set([...workspaces].filter((name) => has(name, ADOPT_ANNOTATION))),
    holding: [...planned]
      .filter((name) => !has(name, STAMP_ANNOTATION) && !terminating.has(name))
      .map((name) => heldIsolation(name)),
    unready: new Set([...planned].filter((name) => !workspaces.has(name) && !has(name, STAMP_ANNOTATION))),
    unstamped: [...namespaces.keys()].filter(
      (name) =>
        has(name, STAMP_ANNOTATION) && !workspaces.has(name) && !planned.has(name) && !terminating.has(name),
    ),
    terminating,
    abandoned: abandonedAssignments(state.snapshot, namespaces),
  };
}

/** Tables and plans of workspaces, and their isolation. */
function heldObjects(
  { plans, tables, ingressPlans }: PlannedCluster,
  state: ClusterState,
  settings: ClusterSettings,
): readonly DesiredObject[] {
  const policies = new Map(
    objectsOf(state.snapshot, 'NetworkPolicy').map((policy) => [policy.metadata.name, policy]),
  );
  const denying = new Set(
    tables.filter(({ spec }) => spec.denyReason !== undefined).map(({ metadata }) => metadata.name),
  );
  return [
    ...tables.map((table) => tableObject(table, settings)),
    gatewayBaseline(gatewayEgress(plans, state, settings), settings),
    ingressBaseline(state.apiServer, settings),
    ...ingressPlans.flatMap((plan) => ingressObjects(plan, settings)),
    ...plans.flatMap((plan) => {
      // A workspace that may reach nothing outside, above all one whose id is another's, reaches nothing inside either.
      const policy = denying.has(plan.spec.table) ? undefined : policies.get(plan.spec.networkPolicyId);
      return workspaceObjects(plan, policy, state, settings);
    }),
  ];
}

function workspaceObjects(
  plan: WorkspacePlan,
  policy: NetworkPolicy | undefined,
  { serviceAddresses, apiServer }: ClusterState,
  settings: ClusterSettings,
): readonly DesiredObject[] {
  return [
    planObject(plan, settings),
    ...laneObjects(plan, serviceAddresses, settings),
    ...gatewayIngress(plan, settings),
    ...isolationObjects(plan, policy, apiServer, settings),
  ];
}

const laneObjects = memoize(
  (plan: WorkspacePlan, serviceAddresses: ClusterState['serviceAddresses'], settings: ClusterSettings) =>
    laneServices(plan, { serviceAddresses, settings }),
);

const isolationObjects = memoize(
  (
    plan: WorkspacePlan,
    policy: NetworkPolicy | undefined,
    apiServer: ClusterState['apiServer'],
    settings: ClusterSettings,
  ) => isolation({ plan, policy, apiServer, settings }),
);

const stampObject = memoize(
  (
    plan: WorkspacePlan,
    apiServer: ClusterState['apiServer'],
    settings: ClusterSettings,
  ): readonly DesiredObject[] => {
    const annotations = namespaceStamp(plan, apiServer, settings);
    if (annotations === undefined) return [];
    return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: plan.metadata.name, annotations } }];
  },
);

function abandonedAssignments(
  snapshot: Snapshot,
  namespaces: ReadonlyMap<string, unknown>,
): readonly string[] {
  return objectsOf(snapshot, 'PolicyAssignment')
    .filter(
      ({ metadata, spec }) =>
        metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY &&
        spec.networkPolicyId === DEFAULT_POLICY &&
        !namespaces.has(metadata.name),
    )
    .map(({ metadata }) => metadata.name);
}

/** R28: every account has one; its content is the account's to change. */
function missingDefault({ snapshot }: ClusterState): readonly DesiredObject[] {
  const exists = objectsOf(snapshot, 'NetworkPolicy').some(
    ({ metadata }) => metadata.name === DEFAULT_POLICY,
  );
  if (exists || isUnreadable(snapshot, 'NetworkPolicy', DEFAULT_POLICY)) return [];
  return [
    {
      apiVersion: API_VERSION,
      kind: 'NetworkPolicy',
      metadata: { name: DEFAULT_POLICY },
      spec: { egress: { networkAccess: { restrictionMode: 'FULL_ACCESS' } } },
    },
  ];
}

const tableObject = memoize(
  ({ metadata, spec }: EgressTable, { systemNamespace }: ClusterSettings): DesiredObject => ({
    apiVersion: API_VERSION,
    kind: 'EgressTable',
    metadata: { name: metadata.name, namespace: systemNamespace, labels: managedLabels() },
    spec,
  }),
);

const planObject = memoize(
  ({ metadata: { name }, spec }: WorkspacePlan, { systemNamespace }: ClusterSettings): DesiredObject => ({
    apiVersion: API_VERSION,
    kind: 'WorkspacePlan',
    metadata: { name, namespace: systemNamespace, labels: workspaceLabels(name) },
    spec,
  }),
);

/** Never its spec: the user's stays, and without one the default policy applies. */
function assignmentObject(workspace: string): DesiredObject {
  return {
    apiVersion: API_VERSION,
    kind: 'PolicyAssignment',
    metadata: { name: workspace, labels: workspaceLabels(workspace) },
  };
}
