// How many lines a writer has accepted and never written, as on a full disk. What it says it accepted is more than what
// was read by lines that are still on their way, by a constant (lines of before anybody counted), and by those that are
// missing. The constant is the least that was ever seen; lines are on their way for a second or two.
/** What a writer did since its start. */
export interface WriterCounts {
  /** Lines that it was given. */
  readonly accepted: number;
  /** Writes that failed, or lines: where none has, lines are late and not missing. */
  readonly failed: number;
}

/** Of one moment. */
export interface LineCounts extends WriterCounts {
  /** Lines that were read, readable or not, since the start of the reader: asked before `accepted`. */
  readonly read: number;
  /** How long the oldest line waits that is not read. */
  readonly lagMs: number;
  /** By a clock that does not jump. */
  readonly atMs: number;
}

/** From a line's acceptance to its place in the file, and more. */
const ON_ITS_WAY_MS = 2000;

export class UnwrittenLines {
  #former: LineCounts | undefined;
  #constant = Number.POSITIVE_INFINITY;
  #known = 0;

  /**
   * To be called every few seconds. Out: how many lines more are missing for certain, of those that were accepted by
   * the last call. Never too many; those of a writer's last seconds are not known.
   */
  note(counts: LineCounts): number {
    const former = this.#former;
    this.#former = counts;
    // Another writer, which counts from 0.
    const isAnother = former !== undefined && counts.accepted < former.accepted;
    const mayMiss = isAnother || counts.failed > 0;
    const missing = former !== undefined && mayMiss ? this.#missing(former, counts) : 0;
    if (isAnother) {
      this.#constant = Number.POSITIVE_INFINITY;
      this.#known = 0;
    }
    this.#constant = Math.min(this.#constant, counts.accepted - counts.read);
    return missing;
  }

  #missing(former: LineCounts, { read, lagMs, atMs }: LineCounts): number {
    // Until then some of the lines of the last call may still be unread.
    if (lagMs > atMs - former.atMs - ON_ITS_WAY_MS) return 0;
    const missing = Math.max(0, former.accepted - read - this.#constant - this.#known);
    this.#known += missing;
    return missing;
  }
}
