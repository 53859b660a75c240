// What the leader remembers of its writes to pods: which ones the API server refuses as they are, so that they are tried
// again after a growing wait only, and which ones have a lane by their label alone, since there was no room for the
// annotations beside it. Another leader tries the former anew, and knows nothing of the latter.
import { backOffMs } from '../../lib/back-off.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';
import type { StampedPod } from '../../model/cluster-state.ts';
import { type Move, moveOf } from '../../model/moved-pod.ts';
import { ISOLATED_BY_ANNOTATION } from '../../model/stamp.ts';

const WAIT = { firstMs: 1000, longestMs: 5 * 60_000 };
/** What a watch takes to return our own writing, at most. */
export const UNSEEN_MS = 30_000;
const LONGEST_REASON = 300;

/** The API server stores no change of this pod, as the pod is now. */
export class PodRefused extends Error {
  /** Epoch milliseconds. */
  readonly retryAtMs: number;
  /** It was asked just now. */
  readonly isNew: boolean;

  constructor(
    message: string,
    { retryAtMs, isNew }: { readonly retryAtMs: number; readonly isNew: boolean },
  ) {
    super(message);
    this.retryAtMs = retryAtMs;
    this.isNew = isNew;
  }
}

interface Refusal {
  readonly message: string;
  readonly failures: number;
  readonly retryAtMs: number;
}

interface LabelledPod {
  readonly atMs: number;
  readonly moved: Move | undefined;
  readonly isIsolated: boolean;
}

/** By uid. */
export class PodWriteMemory {
  readonly #refusals = new Map<string, Refusal>();
  readonly #labelled = new Map<string, LabelledPod>();

  /** Undefined where the pod may be tried. */
  waiting(uid: string, nowMs: number): PodRefused | undefined {
    const refusal = this.#refusals.get(uid);
    if (refusal === undefined || refusal.retryAtMs <= nowMs) return undefined;
    return new PodRefused(refusal.message, { retryAtMs: refusal.retryAtMs, isNew: false });
  }

  refuse(uid: string, error: Error, nowMs: number): PodRefused {
    for (const [old, { retryAtMs }] of this.#refusals)
      if (retryAtMs + WAIT.longestMs < nowMs) this.#refusals.delete(old);
    const failures = this.#refusals.get(uid)?.failures ?? 0;
    const retryAtMs = nowMs + backOffMs(failures, WAIT);
    const why = error.message.slice(0, LONGEST_REASON);
    const message = `the API server stores no change of it: ${why}. Make it smaller, or delete it`;
    this.#refusals.set(uid, { message, failures: failures + 1, retryAtMs });
    return new PodRefused(message, { retryAtMs, isNew: true });
  }

  written(uid: string): void {
    this.#refusals.delete(uid);
  }

  /** `annotations` are those that could not be written. */
  labelledAlone(uid: string, annotations: Readonly<Record<string, string>>, atMs: number): void {
    const isIsolated = annotations[ISOLATED_BY_ANNOTATION] !== undefined;
    this.#labelled.set(uid, { atMs, moved: moveOf(annotations), isIsolated });
  }

  /** Pods as they would be read if those annotations were there. */
  complete(pods: readonly StampedPod[], nowMs: number): readonly StampedPod[] {
    if (this.#labelled.size === 0) return pods;
    const present = new Set(pods.map(({ uid }) => uid));
    for (const [uid, { atMs }] of this.#labelled)
      if (!present.has(uid) && atMs + UNSEEN_MS <= nowMs) this.#labelled.delete(uid);
    return pods.map((pod) => {
      const labelled = this.#labelled.get(pod.uid);
      if (labelled === undefined) return pod;
      const { moved = pod.moved, isIsolated } = labelled;
      return { ...pod, moved, isIsolated: isIsolated || pod.isIsolated === true };
    });
  }
}

/** As etcd says it, and the client of it in the API server. */
const TOO_LARGE = /request is too large|message larger than max/i;
const REFUSALS: readonly number[] = [400, 413, 422];
/** Another pod has its name by now. */
const REPLACED = /is invalid: \[?metadata\.uid: /;

/** Whether the answer will be the same while the pod is as it is; all else may pass by itself. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiFailure)) return false;
  if (REPLACED.test(error.message)) return false;
  return REFUSALS.includes(error.status) || (error.status === 500 && TOO_LARGE.test(error.message));
}
