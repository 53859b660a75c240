// Everything that was observed of a cluster at one moment, trimmed; the operator's input. The snapshot in it is the
// same that a folder gives.
import type { Caller } from './caller-report.ts';
import type { EgressTable } from './egress-table.ts';
import type { GatewayReport } from './gateway-report.ts';
import type { IngressPlan } from './ingress-plan.ts';
import type { ObjectMeta } from './kubernetes-object.ts';
import type { ListHitsReport } from './list-hits-report.ts';
import type { Move } from './moved-pod.ts';
import type { PodController } from './pod-owner.ts';
import type { Problem } from './problem.ts';
import type { Snapshot } from './snapshot.ts';
import type { WorkspacePlan } from './workspace-plan.ts';

export interface ClusterState {
  readonly snapshot: Snapshot;
  /** Of objects that cannot be parsed; `object` names each. */
  readonly problems: readonly Problem[];
  /** All Namespaces: those that are workspaces, and those that were. */
  readonly namespaces: readonly ObjectMeta[];
  /** Stored plans, with their ports and Service addresses. */
  readonly plans: readonly WorkspacePlan[];
  /** Stored tables: the last good version of a policy that can no longer be read. */
  readonly tables: readonly EgressTable[];
  /** Stored ingress plans: the accepted versions of lists. */
  readonly ingressPlans: readonly IngressPlan[];
  /** Administrators who called the API, of all its pods. */
  readonly callers: readonly Caller[];
  /** How often lists decided about callers of the API, of all its pods. */
  readonly apiHits: readonly ListHitsReport[];
  /** ClusterIPs by name of the Service, in the gateway's namespace. */
  readonly serviceAddresses: ReadonlyMap<string, readonly string[]>;
  readonly pods: readonly StampedPod[];
  readonly gatewayPods: readonly GatewayPod[];
  readonly ingressPods: readonly GatewayPod[];
  readonly gatewayReports: readonly GatewayReport[];
  /** Policies of others that the network plugin enforces besides ours. */
  readonly tenantPolicies: readonly TenantPolicy[];
  readonly apiServer: ApiServerPlace;
  /** Stored status by key of the object ("NetworkPolicy/acme"), with the generation and uid that it belongs to. */
  readonly statuses: ReadonlyMap<string, ObservedStatus>;
}

/** A pod that carries a lane and has not terminated. */
export interface StampedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly product: string;
  readonly lane: string;
  readonly stamp: string;
  /** A container of it runs, or has run. */
  readonly hasStarted: boolean;
  /** "" while no node has it. */
  readonly nodeName: string;
  /** What in its spec goes past its lane, whatever its label says. */
  readonly openings: readonly string[];
  /** The last time that it was given a stricter lane. */
  readonly moved?: Move | undefined;
  /** It has its lane by its label alone, which it got at a deadline of its policy. */
  readonly isIsolated?: boolean | undefined;
  /** Of one that is being deleted: by when its node ends it, in epoch milliseconds. */
  readonly endsAtMs?: number | undefined;
  /** When it was created, and got its lane, in epoch milliseconds. */
  readonly createdAtMs: number | undefined;
  /** The owner that controls it, as the pod itself says. */
  readonly controller: PodController | undefined;
  /** Those by which workload-kind.ts recognises its workload. */
  readonly workloadLabels: Readonly<Record<string, string>>;
}

export interface GatewayPod {
  readonly name: string;
  readonly uid: string;
  /** One per address family. */
  readonly addresses: readonly string[];
  readonly isReady: boolean;
}

/** What a gateway pod takes from Services: new connections too, only those that it has, or none. */
export type Serving = 'new' | 'existing' | 'none';

/** A gateway pod as the others of its pool see it. */
export interface PoolMember extends GatewayPod {
  /** It is being deleted, or has ended. */
  readonly isLeaving: boolean;
  readonly serving: Serving;
}

export interface TenantPolicy {
  /** "NetworkPolicy" of networking.k8s.io, "CiliumNetworkPolicy" and so on. */
  readonly kind: string;
  readonly apiVersion: string;
  /** "" where the kind is cluster-wide. */
  readonly namespace: string;
  readonly name: string;
  /** Most kinds have one. */
  readonly specs: readonly unknown[];
}

/** Where pods reach the API server: the Service's addresses and those behind it. */
export interface ApiServerPlace {
  /** Of the Service, which do not change when servers come and go. */
  readonly serviceAddresses: readonly string[];
  readonly servicePorts: readonly number[];
  /** Those, and of the servers themselves. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

export interface ObservedStatus {
  readonly uid: string;
  readonly generation: number;
  readonly status: unknown;
}
