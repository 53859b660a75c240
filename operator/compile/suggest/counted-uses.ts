// What each gateway of a cluster has counted -> how often an entry was used, and since when that is known without a gap.
// Gateways come and go: an entry was watched for as long as one after the other counted it, and nothing that one of them may
// have missed came after. In doubt that is a shorter time, and the entry is not called unused.
import { type EntryUse, useKey } from '../../model/entry-uses.ts';

/** Of one entry, as one gateway has last said it. */
export interface GatewayUse {
  readonly gateway: string;
  readonly list: EntryUse['list'];
  readonly entry: string;
  readonly connections: number;
  readonly firstUsed: string | null;
  readonly lastUsed: string | null;
  /** All in epoch milliseconds. */
  readonly countedFromMs: number;
  readonly countedToMs: number;
  readonly missedUntilMs: number | undefined;
  /** Whether the gateway has ended and said everything before. */
  readonly hasEnded: boolean;
}

export interface CountedAt {
  /** The time that is looked at; only reports of that time, or shortly before, are needed. */
  readonly sinceMs: number;
  readonly atMs: number;
  /** Gateways that are there now: an entry is known only where each of them has counted it. */
  readonly gateways: readonly string[];
}

/**
 * Gateways say it every minute. One that was silent for longer, and has not said that it ended, may have let through anything
 * since, for as long as it lived.
 */
export const LATE_MS = 180_000;

/** A tenth of the time that is looked at, at its end, may be unknown: of the last minute gateways have not told yet. */
const UNKNOWN_SHARE = 10;

/** Entries of one policy; one that is not known now is left out. */
export function countedUses(reports: readonly GatewayUse[], at: CountedAt): readonly EntryUse[] {
  return [...Map.groupBy(reports, useKey).values()].flatMap((some) => {
    const [first] = some;
    const sinceMs = watchedSince(some, at);
    if (first === undefined || sinceMs === undefined) return [];
    const times = (of: (use: GatewayUse) => string | null): readonly string[] =>
      some.flatMap((use) => of(use) ?? []).toSorted((a, b) => Date.parse(a) - Date.parse(b));
    return [
      {
        ...{ list: first.list, entry: first.entry },
        since: new Date(sinceMs).toISOString(),
        connections: some.reduce((sum, { connections }) => sum + connections, 0),
        firstUsed: times(({ firstUsed }) => firstUsed)[0] ?? null,
        lastUsed: times(({ lastUsed }) => lastUsed).at(-1) ?? null,
      },
    ];
  });
}

function watchedSince(
  reports: readonly GatewayUse[],
  { sinceMs, atMs, gateways }: CountedAt,
): number | undefined {
  const isLate = ({ countedToMs }: GatewayUse): boolean => countedToMs < atMs - LATE_MS;
  const living = reports.filter(({ hasEnded }) => !hasEnded);
  const live = living.filter((use) => !isLate(use));
  const named = new Set(live.map(({ gateway }) => gateway));
  if (live.length === 0 || gateways.some((gateway) => !named.has(gateway))) return undefined;
  const knownToMs = Math.min(...live.map(({ countedToMs }) => countedToMs));
  if ((atMs - knownToMs) * UNKNOWN_SHARE > atMs - sinceMs) return undefined;
  if (living.some((use) => isLate(use) && use.countedToMs + LATE_MS >= sinceMs)) return atMs;
  const missed = reports.flatMap(({ missedUntilMs }) => missedUntilMs ?? []);
  return Math.max(coveredSince(reports, atMs), ...missed);
}

/** Beginning of the time up to now in which at every moment somebody counted. */
function coveredSince(reports: readonly GatewayUse[], atMs: number): number {
  const byEnd = reports.toSorted((a, b) => b.countedToMs - a.countedToMs);
  let sinceMs = atMs;
  for (const { countedFromMs, countedToMs } of byEnd) {
    if (countedToMs < sinceMs - LATE_MS) break;
    sinceMs = Math.min(sinceMs, countedFromMs);
  }
  return sinceMs;
}
