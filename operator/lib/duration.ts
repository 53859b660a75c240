// A duration as people type it ("2h", "30m", "7d", "90s") -> milliseconds, or a sentence; and back.
const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

/** The longest that makes sense for a log, and far within what SQL intervals hold: 100 years. */
const MAX_MS = 36_500 * UNIT_MS.d;

export type ParsedDuration = { readonly durationMs: number } | { readonly error: string };

export function parseDuration(text: string): ParsedDuration {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const durationMs = Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (durationMs === 0) return { error: `Cannot use duration "${text}": the shortest is "1s"` };
  if (Number.isNaN(durationMs)) {
    return { error: `Cannot read duration "${text}": write a number and s, m, h or d, for example "2h"` };
  }
  if (durationMs > MAX_MS) return { error: `Cannot use duration "${text}": the longest is "36500d"` };
  return { durationMs };
}

/** In the largest unit that it is a whole number of. */
export function formatDuration(durationMs: number): string {
  const unit = (['d', 'h', 'm'] as const).find((name) => durationMs % UNIT_MS[name] === 0) ?? 's';
  return `${durationMs / UNIT_MS[unit]}${unit}`;
}
