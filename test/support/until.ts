// Waits for a condition, asking again every few milliseconds, and less often the longer it has waited or asking takes;
// throws when it does not hold in time.
const SHORTEST_PAUSE_MS = 5;
/** Until it has waited for a second, it notices within a tenth of that time. */
const WAITED_PER_PAUSE = 10;
const LONGEST_PAUSE_MS = 100;
/** Where asking takes long. */
const LONGEST_SLOW_PAUSE_MS = 250;

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const beganMs = performance.now();
  for (let askedMs = beganMs; !(await holds()); askedMs = performance.now()) {
    const nowMs = performance.now();
    if (nowMs - beganMs > limitMs) throw new Error(`Waited ${limitMs} ms in vain until ${what}`);
    // Most of the time is left to what it waits for, on a machine that would be busy with asking.
    const slowPauseMs = Math.min(2 * (nowMs - askedMs), LONGEST_SLOW_PAUSE_MS);
    const pauseMs = Math.min((nowMs - beganMs) / WAITED_PER_PAUSE, LONGEST_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, Math.max(pauseMs, slowPauseMs, SHORTEST_PAUSE_MS)));
  }
}
