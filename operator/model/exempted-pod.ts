// A running pod that was exempted. A network plugin that follows its new label late (model/moved-pod.ts) would apply
// isolation to it meanwhile, and it would lose the connections that it may keep until it restarts (R39). So isolation of
// its Namespace waits, by a time that is written beside the label: a leader that follows another one waits too.
import type { FoundPod } from './found-pod.ts';
import { SETTLING_MS } from './moved-pod.ts';
import { isOnHostNetwork, openingsOf } from './pod-openings.ts';
import { hasEnded } from './pod-status.ts';
import { EXEMPTED_AT_ANNOTATION } from './stamp.ts';

export interface ExemptedPod extends FoundPod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/** Nothing of a pod that has ended, or is in the network of its node, is isolated. */
export function exemptionAnnotations(pod: FoundPod, atMs: number): Readonly<Record<string, string>> {
  return hasConnections(pod) ? { [EXEMPTED_AT_ANNOTATION]: new Date(atMs).toISOString() } : {};
}

/** Epoch milliseconds until which isolation waits for these; undefined where the network has followed for all. */
export function exemptedUntil(pods: readonly ExemptedPod[], nowMs: number): number | undefined {
  const timesMs = pods
    .filter(hasConnections)
    .map(({ metadata: { annotations = {} } }) => Date.parse(annotations[EXEMPTED_AT_ANNOTATION] ?? ''))
    // A time that cannot be read is no reason to wait. One that is further ahead was written before the clock was
    // turned back, maybe by days.
    .filter((atMs) => nowMs < atMs + SETTLING_MS && atMs <= nowMs + SETTLING_MS);
  return timesMs.length === 0 ? undefined : timesMs.reduce((a, b) => Math.max(a, b)) + SETTLING_MS;
}

function hasConnections({ spec = {}, status }: FoundPod): boolean {
  return !isOnHostNetwork(openingsOf(spec)) && !hasEnded(status);
}
