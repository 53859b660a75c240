// How long to wait after each failure in a row: twice as long each time, up to a limit.
export interface BackOffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** `failures` are those before the one that is waited for. */
export function backOffMs(failures: number, { firstMs, longestMs }: BackOffLimits): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures, 20));
}

/** Spread over the second half, so that many who failed of one cause do not all come back in step. */
export function spread(waitMs: number, random: () => number = Math.random): number {
  return waitMs * (0.5 + random() / 2);
}
