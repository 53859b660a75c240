// Rows of a flood in the denial log, and whether any is duplicated or missing.
// Sequence numbers run on from 1 in a new state directory, so a gap among them is a lost row.
import { setTimeout as delay } from 'node:timers/promises';
import { FLOOD_DOMAIN } from './denial-flood.ts';
import type { SallyportProcess } from './sallyport-process.ts';

export interface DenialCount {
  readonly rows: number;
  readonly distinctNames: number;
  readonly distinctEvents: number;
  readonly distinctSequences: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

const TABLE = 'system.access.outbound_network';
const COUNT = `SELECT count(*)::INT AS "rows",
  count(DISTINCT destination)::INT AS "distinctNames",
  count(DISTINCT event_id)::INT AS "distinctEvents",
  count(DISTINCT sequence)::INT AS "distinctSequences",
  coalesce(min(sequence), 0)::INT AS "firstSequence",
  coalesce(max(sequence), 0)::INT AS "lastSequence"
  FROM ${TABLE} WHERE ends_with(destination, '.${FLOOD_DOMAIN}')`;

export async function countDenials(sallyport: SallyportProcess): Promise<DenialCount> {
  const [row] = await sallyport.query(COUNT);
  return row as unknown as DenialCount;
}

/** Numbers that are missing between 1 and the last one. */
export function gapsOf({ lastSequence, distinctSequences }: DenialCount): number {
  return lastSequence - distinctSequences;
}

const QUIET_MS = 5000;
const POLL_MS = 50;

/**
 * Waits until the log has so many rows, or has not grown for a while. Resolves with the moment (performance.now())
 * at which the last row was seen first.
 */
export async function settledRows(sallyport: SallyportProcess, wanted: number): Promise<number> {
  const query = `SELECT count(*)::INT AS "rows" FROM ${TABLE}`;
  let rows = -1;
  let changedMs = performance.now();
  while (rows < wanted && performance.now() - changedMs < QUIET_MS) {
    const found = Number((await sallyport.query(query))[0]?.['rows']);
    if (found !== rows) changedMs = performance.now();
    rows = found;
    if (rows < wanted) await delay(POLL_MS);
  }
  return changedMs;
}

export async function storedNames(sallyport: SallyportProcess): Promise<ReadonlySet<string>> {
  const rows = await sallyport.query(`SELECT destination FROM ${TABLE}`);
  return new Set(rows.map(({ destination }) => String(destination)));
}
