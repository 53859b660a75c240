// The signals that ask a role to stop.

/** Resolves with the first of them; from then on a second one ends the process in the usual way. */
export function firstSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve(signal));
  });
}
