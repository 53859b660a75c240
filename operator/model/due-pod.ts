// Pods on which the setting staleWorkloads of their policy acts now, as the leader needs them.
import type { StampedPod } from './cluster-state.ts';
import type { Lane } from './lane.ts';

export interface DuePod {
  readonly pod: StampedPod;
  /** The one that new pods of its product get. */
  readonly policyLane: Lane;
  /** Which one it is of, as the pod itself says; of one workload only one pod is evicted at a time. */
  readonly workload: string;
  /** The same for people, as kubectl takes it: "deployment/etl". */
  readonly workloadName: string;
  /** A program can restart it. */
  readonly canRestart: boolean;
}

/** One that is being deleted. */
export interface EndingPod {
  readonly workload: string;
  /** By when its node ends it, in epoch milliseconds. */
  readonly endsAtMs: number;
}

export interface StaleDeadlines {
  readonly isolate: readonly DuePod[];
  /** Without those that are ending already. */
  readonly evict: readonly DuePod[];
  /** Of workspaces whose policy acts on stale pods. */
  readonly ending: readonly EndingPod[];
  /** Epoch milliseconds at which something more is due. */
  readonly changesAtMs: number | undefined;
}
