// Plans and tables -> every object that the operator keeps in a cluster, in the groups in which they are written: what
// holds a workspace in comes before the stamp that lets pods start in it.
import type { ClusterPlans } from '../../../compile/cluster-plans.ts';
import type { ClusterState } from '../../../model/cluster-state.ts';
import type { EgressTable } from '../../../model/egress-table.ts';
import { API_VERSION, DEFAULT_POLICY } from '../../../model/kubernetes-object.ts';
import { isUnreadable, objectsOf } from '../../../model/snapshot.ts';
import { ADOPT_ANNOTATION, ADOPT_ISOLATE, STAMP_ANNOTATION } from '../../../model/stamp.ts';
import type { WorkspacePlan } from '../../../model/workspace-plan.ts';
import {
  type ClusterSettings,
  type DesiredObject,
  managedLabels,
  workspaceLabels,
} from './desired-object.ts';
import { gatewayBaseline, gatewayIngress } from './gateway-ingress.ts';
import { isolation } from './isolation.ts';
import { gatewayEndpoints, laneServices } from './lane-services.ts';
import { namespaceStamp } from './namespace-stamp.ts';

export interface ClusterObjects {
  /** Made where there is none, and never written over. */
  readonly createdOnce: readonly DesiredObject[];
  /** Tables, plans, Services, isolation and assignments. */
  readonly objects: readonly DesiredObject[];
  /** Namespaces with the annotations that let pods start, of workspaces that have all that they need. */
  readonly stamps: readonly DesiredObject[];
  /** Workspaces whose running pods get lane full before anything isolates them. */
  readonly adopting: readonly string[];
  /** Namespaces that carry a stamp and are no workspace any more, nor hold a pod in. */
  readonly unstamped: readonly string[];
}

export function clusterObjects(
  { plans, tables }: ClusterPlans,
  state: ClusterState,
  settings: ClusterSettings,
): ClusterObjects {
  const workspaces = new Set(objectsOf(state.snapshot, 'Workspace').map(({ metadata }) => metadata.name));
  const policies = new Map(
    objectsOf(state.snapshot, 'NetworkPolicy').map((policy) => [policy.metadata.name, policy]),
  );
  const denying = new Set(
    tables.filter(({ spec }) => spec.denyReason !== undefined).map(({ metadata }) => metadata.name),
  );
  const endpoints = gatewayEndpoints(state.gatewayPods);
  const around = { serviceAddresses: state.serviceAddresses, endpoints, settings };
  const planned = new Set(plans.map(({ metadata }) => metadata.name));
  const namespaces = new Map(state.namespaces.map((metadata) => [metadata.name, metadata]));
  const isStamped = (name: string): boolean =>
    namespaces.get(name)?.annotations?.[STAMP_ANNOTATION] !== undefined;
  return {
    createdOnce: missingDefault(state),
    objects: [
      ...tables.map((table) => tableObject(table, settings)),
      gatewayBaseline(settings),
      ...plans.flatMap((plan) => {
        // What has no say outside, a workspace whose id is another's above all, has none inside either.
        const policy = denying.has(plan.spec.table) ? undefined : policies.get(plan.spec.networkPolicyId);
        return [
          planObject(plan, settings),
          ...laneServices(plan, around),
          ...gatewayIngress(plan, settings),
          ...isolation({ plan, policy, apiServer: state.apiServer, settings }),
        ];
      }),
      ...[...workspaces].map(assignmentObject),
    ],
    stamps: plans
      .filter(({ metadata }) => workspaces.has(metadata.name))
      .flatMap((plan) => {
        const annotations = namespaceStamp(plan, state.apiServer, settings);
        const { name } = plan.metadata;
        return annotations === undefined
          ? []
          : [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } }];
      }),
    adopting: [...workspaces].filter(
      (name) => !isStamped(name) && namespaces.get(name)?.annotations?.[ADOPT_ANNOTATION] !== ADOPT_ISOLATE,
    ),
    unstamped: [...namespaces.keys()].filter(
      (name) => isStamped(name) && !workspaces.has(name) && !planned.has(name),
    ),
  };
}

/** R28: every account has one; what it says is the account's to change. */
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

function tableObject({ metadata, spec }: EgressTable, settings: ClusterSettings): DesiredObject {
  const { systemNamespace: namespace } = settings;
  return {
    apiVersion: API_VERSION,
    kind: 'EgressTable',
    metadata: { name: metadata.name, namespace, labels: managedLabels() },
    spec,
  };
}

function planObject({ metadata: { name }, spec }: WorkspacePlan, settings: ClusterSettings): DesiredObject {
  const { systemNamespace: namespace } = settings;
  return {
    apiVersion: API_VERSION,
    kind: 'WorkspacePlan',
    metadata: { name, namespace, labels: workspaceLabels(name) },
    spec,
  };
}

/** Never its spec: what the user says stays, and what nobody says falls back to the default policy. */
function assignmentObject(workspace: string): DesiredObject {
  return {
    apiVersion: API_VERSION,
    kind: 'PolicyAssignment',
    metadata: { name: workspace, labels: workspaceLabels(workspace) },
  };
}
