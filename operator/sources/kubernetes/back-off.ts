// How long to wait after each failure in a row: longer each time, never for ever, and with some chance in it, so that
// many who lost the same server do not come back at the same moment.
import { backOffMs, spread } from '../../lib/back-off.ts';
import { ApiFailure } from '../../lib/kubernetes/kubernetes-api.ts';

const FIRST_MS = 800;
/** For a server that answers, but with an error. */
const LONGEST_MS = 30_000;
/** Waiting longer does not spare a server that is away, and what changes when it is back is wanted within 5 s. */
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

  /** `canHurry`: a first failure of this kind is no reason to wait. */
  nextMs(error: Error, nowMs: number, canHurry: boolean): number {
    // The server says itself how long, as an API server does while it makes room for a kind that has just been
    // installed.
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
