// A duration as people type it ("2h", "30m", "7d", "90s") goes in, milliseconds or a sentence come out.

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest that makes sense for a log, and far below the limit of SQL intervals: 100 years. */
const maxDurationMs = 36_500 * 86_400_000;

export type ParsedDuration = { readonly durationMs: number } | { readonly error: string };

export function parseDuration(text: string): ParsedDuration {
  const match = /^(\d{1,9})([smhd])$/.exec(text.trim());
  const durationMs = Number(match?.[1]) * (unitMs[match?.[2] ?? ''] ?? Number.NaN);
  if (!(durationMs > 0)) {
    return { error: `Cannot read duration "${text}": write a number and s, m, h or d, for example "2h"` };
  }
  if (durationMs > maxDurationMs) return { error: `Cannot use duration "${text}": the longest is "36500d"` };
  return { durationMs };
}
