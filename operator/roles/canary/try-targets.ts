// What a canary does: it tries what it may reach and what it may not, and says what was accepted. A network plugin may
// take seconds to know a new pod, so what counts is the state after that time; until when a denied target was open
// before is said too. In: targets and a network. It must never report a target that it did not try.
import type { CanaryAttempt, CanaryResult, DeniedAttempt } from '../../model/canary-result.ts';

export interface CanaryTargets<Place> {
  readonly allowed: readonly Place[];
  readonly denied: readonly Place[];
}

export interface Network<Place> {
  /** Whether a connection is accepted; resolves within a bounded time. */
  readonly opens: (place: Place) => Promise<boolean>;
  readonly nowMs: () => number;
  readonly pause: () => Promise<void>;
}

/** How long an allowed target may take: a plugin that enforces may open a new pod's network late. */
export const OPENING_MS = 10_000;
/** How long a denied target may stay open: from then on it counts. */
export const SETTLING_MS = 5000;

export async function tryTargets<Place extends { readonly text: string }>(
  { allowed, denied }: CanaryTargets<Place>,
  network: Network<Place>,
): Promise<CanaryResult> {
  // First what is allowed: before that works, what is denied may be closed because nothing works yet.
  const opened = await Promise.all(allowed.map((place) => untilOpen(place, network)));
  return { allowed: opened, denied: await Promise.all(denied.map((place) => untilSettled(place, network))) };
}

async function untilOpen<Place extends { readonly text: string }>(
  place: Place,
  { opens, nowMs, pause }: Network<Place>,
): Promise<CanaryAttempt> {
  const startMs = nowMs();
  let isOpen = await opens(place);
  while (!isOpen && nowMs() - startMs < OPENING_MS) {
    await pause();
    isOpen = await opens(place);
  }
  return { target: place.text, isOpen };
}

async function untilSettled<Place extends { readonly text: string }>(
  place: Place,
  { opens, nowMs, pause }: Network<Place>,
): Promise<DeniedAttempt> {
  const startMs = nowMs();
  let openForMs = 0;
  const tryOnce = async (): Promise<boolean> => {
    const isOpen = await opens(place);
    if (isOpen) openForMs = nowMs() - startMs;
    return isOpen;
  };
  while (nowMs() - startMs < SETTLING_MS) {
    await tryOnce();
    await pause();
  }
  // Twice: a lost packet must not pass for a policy.
  const isOpen = (await tryOnce()) || (await tryOnce());
  return { target: place.text, isOpen, openForMs: Math.round(openForMs) };
}
