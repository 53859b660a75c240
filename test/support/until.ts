// Waits for a condition, asking again every few milliseconds, and less often where asking takes long; throws when it
// does not hold in time.
const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  for (let askedMs = performance.now(); !(await holds()); askedMs = performance.now()) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${limitMs} ms in vain until ${what}`);
    // Most of the time is left to what it waits for, on a machine that would be busy with asking.
    const tookMs = performance.now() - askedMs;
    const pauseMs = Math.min(Math.max(2 * tookMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
