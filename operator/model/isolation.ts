// What canary pods found out about the network of each node, with the times at which they did: whether it enforces
// KubeNetworkPolicies. Of one operator since it leads; nothing of it is stored.
export interface IsolationMeasurements {
  /** Between two measurements of a node. */
  readonly intervalMs: number;
  /** Why nothing can be measured now. */
  readonly obstacle?: string;
  readonly nodes: readonly NodeMeasurement[];
}

export interface NodeMeasurement {
  /** The node that was to be measured; "" where the scheduler chose one. */
  readonly wanted: string;
  /** Where the pod ran; "" where it never did. */
  readonly node: string;
  readonly triedAtMs: number;
  /** Of the last pod that decided. */
  readonly finding?: IsolationFinding;
  /** Why the last pod decided nothing; a sentence without a full stop. */
  readonly failure?: string;
}

export interface IsolationFinding {
  readonly atMs: number;
  /** What a pod reached and should not have: "the API server at 10.96.0.1:443". Undefined: nothing. */
  readonly reached?: string;
}

/** A finding counts for so many intervals. */
export const FRESH_INTERVALS = 3;

/** Until when the finding of a node counts. */
export function freshUntil({ finding }: NodeMeasurement, intervalMs: number): number {
  return finding === undefined ? Number.NEGATIVE_INFINITY : finding.atMs + FRESH_INTERVALS * intervalMs;
}

/** The finding of a node while it counts. */
export function freshFinding(
  measurement: NodeMeasurement,
  { intervalMs }: Pick<IsolationMeasurements, 'intervalMs'>,
  atMs: number,
): IsolationFinding | undefined {
  return atMs <= freshUntil(measurement, intervalMs) ? measurement.finding : undefined;
}
