// Keeps the files of several logs within a number of bytes: the log that has most gives up its oldest files, so that a
// flood in one costs another nothing. The live files and those that are being read stay.
export interface BudgetedLog {
  readonly bytes: () => Promise<number>;
  /** False where it has nothing to give up. */
  readonly giveUpOldest: () => Promise<boolean>;
}

/** Gives up until the rest is within the budget, or nothing more can be given up. */
export async function keepWithinBudget(logs: readonly BudgetedLog[], budget: number): Promise<void> {
  const givers = new Set(logs);
  for (;;) {
    const sizes = await Promise.all(logs.map(async (log) => ({ log, bytes: await log.bytes() })));
    const sum = sizes.reduce((total, { bytes }) => total + bytes, 0);
    const [largest] = sizes.filter(({ log }) => givers.has(log)).sort((a, b) => b.bytes - a.bytes);
    if (sum <= budget || largest === undefined) return;
    if (!(await largest.log.giveUpOldest())) givers.delete(largest.log);
  }
}
