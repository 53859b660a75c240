// How long denials took from their time in the log until the collector had acknowledged them, in milliseconds. Counted by
// millisecond, so that a million of them are a small list.
const MOST_MS = 60_000;

export class Lag {
  readonly #counts = new Uint32Array(MOST_MS + 1);

  note(rows: readonly { readonly eventTime: string }[], nowMs: number): void {
    for (const { eventTime } of rows) {
      const at = Math.min(MOST_MS, Math.max(0, Math.round(nowMs - Date.parse(eventTime))));
      this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    }
  }

  /** Pairs of milliseconds and how many; the last stands for all that took longer. */
  buckets(): LagBuckets {
    return [...this.#counts.entries()].filter(([, count]) => count > 0);
  }
}

export type LagBuckets = readonly (readonly [number, number])[];

/** Percentile of all of them together; NaN where there are none. */
export function lagPercentile(all: readonly LagBuckets[], percent: number): number {
  const sorted = all.flat().toSorted(([a], [b]) => a - b);
  let left = sorted.reduce((sum, [, count]) => sum + count, 0) * (percent / 100);
  for (const [milliseconds, count] of sorted) {
    left -= count;
    if (left <= 0) return milliseconds;
  }
  return Number.NaN;
}
