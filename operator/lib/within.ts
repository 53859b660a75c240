// A promise with a time limit.
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves with the work, or as undefined after the time; the work itself continues. Rejects where it does. */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T | undefined> {
  const cancel = new AbortController();
  const late = delay(limitMs, undefined, { signal: cancel.signal }).catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel.abort();
  }
}
