// Tries a change again as long as others were first, at random moments of a growing window.
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../api-error.ts';
import { Contended } from './access-lock.ts';

const SHORTEST_MS = 10;
/** Shorter than a change takes, so that a process with many changes leaves turns to one with few. */
const LONGEST_MS = 60;
/** Far longer than a lock lives whose holder died. */
const GIVE_UP_MS = 60_000;

export async function retryContended<Result>(change: () => Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  for (let windowMs = SHORTEST_MS; ; windowMs = Math.min(LONGEST_MS, windowMs * 2)) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof Contended)) throw error;
      if (performance.now() - startMs > GIVE_UP_MS) {
        throw new ApiError('ABORTED', `Others change this too often: try again; ${error.message}`);
      }
    }
    await delay(Math.random() * windowMs);
  }
}
