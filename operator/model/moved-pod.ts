// A pod that was given a stricter lane while it existed. A network plugin follows a change of labels late: Cilium first
// waits 5 s for further ones, and then computes the pod's policy anew. Until then the pod may have the openness of its
// former lane, so it counts there for a while, by what is written beside its lane.
import { LANES, type Lane } from './lane.ts';
import { MOVED_AT_ANNOTATION, MOVED_FROM_ANNOTATION } from './stamp.ts';

/** On real nodes it took up to 10 s. */
export const SETTLING_MS = 20_000;

export interface Move {
  /** The former lane. */
  readonly from: Lane;
  /** Epoch milliseconds until which the network may not have followed. */
  readonly settledAtMs: number;
}

type Annotations = Readonly<Record<string, string>>;

export function moveAnnotations(from: Lane, atMs: number): Annotations {
  return { [MOVED_FROM_ANNOTATION]: from, [MOVED_AT_ANNOTATION]: new Date(atMs).toISOString() };
}

/** What cannot be read counts as the most open, and never as settled. */
export function moveOf(annotations: Annotations = {}): Move | undefined {
  const { [MOVED_FROM_ANNOTATION]: from, [MOVED_AT_ANNOTATION]: at } = annotations;
  if (from === undefined && at === undefined) return undefined;
  const atMs = Date.parse(at ?? '');
  return {
    from: LANES.find((lane) => lane === from) ?? 'full',
    settledAtMs: Number.isNaN(atMs) ? Number.POSITIVE_INFINITY : atMs + SETTLING_MS,
  };
}

/** The most open of these; undefined where none is known. LANES is in order of openness. */
export function mostOpen(lanes: readonly string[]): Lane | undefined {
  return LANES.find((lane) => lanes.includes(lane));
}
