// Retention where the log is in ClickHouse: rows go by the TTL of the tables; the lines that say where a gateway stood are
// deleted here, but for the last one of each log, from which it goes on.
import type { ClickhouseConnection } from './clickhouse-connection.ts';
import { clickhouseTime } from './column-types.ts';

/** Whatever is on its way when a line becomes the last one has arrived by then. */
const KEPT_MS = 86_400_000;
const KEPT_FILES = 16;

export async function deleteFormerBatches(
  connection: ClickhouseConnection,
  journal: string,
  nowMs: number,
): Promise<void> {
  const before = clickhouseTime(new Date(nowMs - KEPT_MS).toISOString());
  // Of logs whose name ends in a number the last few: former ones are sent no more.
  const last = `SELECT name FROM (
      SELECT gateway, log_file, argMax(batch, batch_number) AS name, max(batch_number) AS number
      FROM ${journal} WHERE kind = 'batch' GROUP BY gateway, log_file)
    ORDER BY number DESC LIMIT ${KEPT_FILES} BY gateway, replaceRegexpOne(log_file, '[0-9]+$', '')`;
  await connection.command(
    `DELETE FROM ${journal} WHERE kind = 'batch' AND event_time < '${before}' AND batch NOT IN (${last})`,
    // Replicas may each ask when it is their turn: the last ones of any moment stay.
    { allow_nondeterministic_mutations: 1 },
  );
}
