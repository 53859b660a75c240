// Which nodes are to be measured now, when the next ones are, and what is remembered of a measurement. Pure: times are
// arguments.
import {
  freshFinding,
  type IsolationFinding,
  type IsolationMeasurements,
  type NodeMeasurement,
} from '../../../model/isolation.ts';

/** In place of a node: wherever the scheduler puts a pod. */
export const ANY_NODE = '';

/** After a measurement that did not show that the node enforces. */
const RETRY_MS = 30_000;
/** So long a measurement takes at most where all is well. */
const USUAL_MS = 20_000;

export interface DueNodes {
  /** At most as many as are measured at a time. */
  readonly due: readonly string[];
  /** What is still of interest. */
  readonly kept: readonly NodeMeasurement[];
  /** Epoch milliseconds at which the next one is due, unless something changes. */
  readonly nextAtMs: number;
}

/** `used` are the nodes with isolated pods; without any, one is measured that the scheduler chooses. */
export function dueNodes(used: readonly string[], known: IsolationMeasurements, atMs: number): DueNodes {
  const wanted = used.length === 0 ? [ANY_NODE] : used;
  const kept = known.nodes.filter(
    (one) => wanted.includes(one.wanted) || freshFinding(one, known, atMs) !== undefined,
  );
  // Nothing uses these; until one shows that it enforces, or is gone, pods may start there.
  const suspects = kept.filter(({ wanted: name, finding }) => name !== ANY_NODE && isOpen(finding));
  const names = [...new Set([...wanted, ...suspects.map((one) => one.wanted)])];
  const times = new Map(kept.map((one) => [one.wanted, one]));
  const all = names
    .map((name) => ({ name, dueMs: dueAt(times.get(name), known.intervalMs) }))
    .toSorted((a, b) => a.dueMs - b.dueMs);
  const due = all.filter(({ dueMs }) => dueMs <= atMs).slice(0, atOnce(all.length, known.intervalMs));
  const rest = all.slice(due.length);
  const nextAtMs = Math.min(...rest.map(({ dueMs }) => dueMs), atMs + known.intervalMs);
  return { due: due.map(({ name }) => name), kept, nextAtMs };
}

function isOpen(finding: IsolationFinding | undefined): boolean {
  return finding?.reached !== undefined;
}

function dueAt(one: NodeMeasurement | undefined, intervalMs: number): number {
  if (one === undefined) return Number.NEGATIVE_INFINITY;
  const isFine = one.failure === undefined && !isOpen(one.finding);
  return one.triedAtMs + (isFine ? intervalMs : Math.min(RETRY_MS, intervalMs));
}

/** One after the other, unless there are so many that they would not all have their turn within an interval. */
function atOnce(nodes: number, intervalMs: number): number {
  return Math.max(1, Math.ceil((nodes * USUAL_MS) / intervalMs));
}

/** What one canary pod showed, of which node. */
export type CanaryAnswer =
  | {
      readonly node: string;
      readonly finding: IsolationFinding;
      /** For how long a denied target was open to the new pod before it closed. */
      readonly openForMs: number;
    }
  | { readonly node: string; readonly failure: string };

export interface Measured {
  readonly wanted: string;
  readonly answer: CanaryAnswer;
}

/** A pod that decides nothing leaves the last finding as it was, for as long as that counts. */
export function remember(
  kept: readonly NodeMeasurement[],
  measured: readonly Measured[],
  { atMs, used }: { readonly atMs: number; readonly used: readonly string[] },
): readonly NodeMeasurement[] {
  const news = measured.flatMap(({ wanted, answer }) => {
    const before = kept.find((one) => one.wanted === wanted);
    if ('finding' in answer) return { wanted, node: answer.node, triedAtMs: atMs, finding: answer.finding };
    // Nothing uses it, and it may be gone.
    if (wanted !== ANY_NODE && !used.includes(wanted)) return [];
    const finding = before?.finding;
    const node = answer.node === '' ? (before?.node ?? '') : answer.node;
    return {
      ...{ wanted, node, triedAtMs: atMs, failure: answer.failure },
      ...(finding === undefined ? {} : { finding }),
    };
  });
  const isReplaced = (one: NodeMeasurement): boolean =>
    measured.some(
      ({ wanted, answer }) =>
        one.wanted === wanted || ('finding' in answer && answer.node === one.node && one.node !== ''),
    );
  return [...kept.filter((one) => !isReplaced(one)), ...news];
}
