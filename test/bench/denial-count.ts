// What the denial log says about a flood: rows, and whether any is there twice or missing.
// Sequence numbers run on from 1 in a new state directory, so a gap among them is a lost row.
import { FLOOD_DOMAIN } from './denial-flood.ts';
import { type SallyportProcess, until } from './sallyport-process.ts';

export interface DenialCount {
  readonly rows: number;
  readonly distinctNames: number;
  readonly distinctEvents: number;
  readonly distinctSequences: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Files of Envoy's log that the rows came from; one more than it was rotated. */
  readonly logFiles: number;
}

const TABLE = 'system.access.outbound_network';
const COUNT = `SELECT count(*)::INT AS "rows",
  count(DISTINCT destination)::INT AS "distinctNames",
  count(DISTINCT event_id)::INT AS "distinctEvents",
  count(DISTINCT sequence)::INT AS "distinctSequences",
  coalesce(min(sequence), 0)::INT AS "firstSequence",
  coalesce(max(sequence), 0)::INT AS "lastSequence",
  count(DISTINCT split_part(event_id, '/', 2))::INT AS "logFiles"
  FROM ${TABLE} WHERE ends_with(destination, '.${FLOOD_DOMAIN}')`;

export async function countDenials(sallyport: SallyportProcess): Promise<DenialCount> {
  const [row] = await sallyport.query(COUNT);
  return row as unknown as DenialCount;
}

/** Numbers that are missing between 1 and the last one. */
export function gapsOf({ lastSequence, distinctSequences }: DenialCount): number {
  return lastSequence - distinctSequences;
}

/** Resolves when the log has at least so many rows; throws after the limit. */
export async function untilRows(sallyport: SallyportProcess, rows: number, limitMs: number): Promise<void> {
  const query = `SELECT count(*)::INT AS "rows" FROM ${TABLE}`;
  const isSo = async (): Promise<boolean> => Number((await sallyport.query(query))[0]?.['rows']) >= rows;
  await until(isSo, `${rows} rows`, limitMs);
}

export async function storedNames(sallyport: SallyportProcess): Promise<ReadonlySet<string>> {
  const rows = await sallyport.query(`SELECT destination FROM ${TABLE}`);
  return new Set(rows.map(({ destination }) => String(destination)));
}
