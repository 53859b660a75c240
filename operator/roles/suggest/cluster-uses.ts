// How often entries of policies are used, as the gateways of a cluster have told its collector.
import { countedUses, type GatewayUse, LATE_MS } from '../../compile/suggest/counted-uses.ts';
import type { AskDenials } from '../../denials/asking/ask-collector.ts';
import type { JsonRow } from '../../denials/query/run-query.ts';
import { selectEntryUses } from '../../denials/query/select-denials.ts';
import type { EntryUse } from '../../model/entry-uses.ts';
import type { NetworkPolicy } from '../../model/network-policy.ts';

interface UsesAsked {
  /** That are there now. */
  readonly gateways: readonly string[];
  /** How far back. */
  readonly spanMs: number;
  readonly atMs: number;
}

/** The most that the collector gives at once. */
const MOST_ROWS = 100_000;

/** Undefined for a policy of which nothing is known here, or not all: then nothing is called unused. */
export async function readClusterUses(
  ask: AskDenials,
  policies: readonly NetworkPolicy[],
  { gateways, spanMs, atMs }: UsesAsked,
): Promise<(policy: string) => readonly EntryUse[] | undefined> {
  const names = policies.map(({ metadata }) => metadata.name);
  const answer = await ask(selectEntryUses(names, spanMs + LATE_MS), MOST_ROWS);
  if ('error' in answer) throw new Error(answer.error);
  if (answer.truncated) return () => undefined;
  const at = { gateways, atMs, sinceMs: atMs - spanMs };
  const byPolicy = Map.groupBy(answer.rows, (row) => String(row['policy']));
  return (policy) => {
    const rows = byPolicy.get(policy);
    return rows === undefined ? undefined : countedUses(rows.map(gatewayUseOf), at);
  };
}

function gatewayUseOf(row: JsonRow): GatewayUse {
  const text = (column: string): string | null => (row[column] === null ? null : String(row[column]));
  const time = (column: string): number => Date.parse(String(row[column]));
  return {
    gateway: String(row['gateway']),
    list: String(row['list']) as GatewayUse['list'],
    entry: String(row['entry']),
    connections: Number(row['connections']),
    ...{ firstUsed: text('first_used'), lastUsed: text('last_used') },
    ...{ countedFromMs: time('counted_from'), countedToMs: time('event_time') },
    missedUntilMs: row['missed_until'] === null ? undefined : time('missed_until'),
    hasEnded: row['state'] === 'ENDED',
  };
}
