// Delays after consecutive failures: exponential, bounded, and with jitter, so that many clients of one server do not
// come back at the same moment.
import { backOffMs, spread } from '../../lib/back-off.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';

const FIRST_MS = 800;
/** For a server that answers with an error. */
const LONGEST_MS = 30_000;
/** A longer wait does not help a server that is unreachable, and changes are needed within 5 s of its return. */
const LONGEST_AWAY_MS = 4_000;
/** After so long without a failure the next one counts as the first. */
const HEALTHY_MS = 120_000;

export class BackOff {
  readonly #random: () => number;
  #failures = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #wasAway = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** `canHurry`: the first failure of this kind is retried at once. */
  nextMs(error: Error, nowMs: number, canHurry: boolean): number {
    // Retry-After of the server, as an API server sends while it sets up a kind that has just been installed.
    const askedMs = error instanceof ApiFailure ? error.retryAfterMs : undefined;
    if (askedMs !== undefined) return askedMs * (1 + this.#random() / 4);
    const isAway = error instanceof ApiFailure && error.status === 0;
    if (nowMs - this.#lastMs > HEALTHY_MS || (this.#wasAway && !isAway)) this.#failures = 0;
    const longestMs = isAway ? LONGEST_AWAY_MS : LONGEST_MS;
    const ceilingMs = backOffMs(this.#failures, { firstMs: FIRST_MS, longestMs });
    const waitMs = canHurry && this.#failures === 0 ? 0 : spread(ceilingMs, this.#random);
    this.#failures += 1;
    this.#lastMs = nowMs + waitMs;
    this.#wasAway = isAway;
    return waitMs;
  }
}
