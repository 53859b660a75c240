// Exponential back-off with jitter, up to a limit.
export interface BackOffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** `failures`: how many came before this one. */
export function backOffMs(failures: number, { firstMs, longestMs }: BackOffLimits): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures, 20));
}

/** Jitter over the second half, so that many with one cause do not retry at the same moment. */
export function spread(waitMs: number, random: () => number = Math.random): number {
  return waitMs * (0.5 + random() / 2);
}
