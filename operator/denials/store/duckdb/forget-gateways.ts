// Positions of gateways that are gone -> the last one of each, which has its last number and all that it ever had; within a
// transaction of the caller.
import {
  type DuckDBConnection,
  DuckDBTimestampTZValue,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';

export interface ForgetOptions {
  /** Names of the gateways that are not gone. */
  readonly present: readonly string[];
  readonly retentionMs: number;
  readonly nowMs: number;
}

const DAY_MS = 86_400_000;
/** The pod of "2.access-000017" is the third of its name: the next one must be the fourth. */
const POD = String.raw`coalesce(try_cast(regexp_extract(log_file, '^(\d+)\.', 1) AS BIGINT), 0)`;

export async function forgetGateways(
  connection: DuckDBConnection,
  { present, retentionMs, nowMs }: ForgetOptions,
): Promise<void> {
  const before = (ms: number) =>
    new DuckDBTimestampTZValue(BigInt(Math.round(Math.max(0, nowMs - ms))) * 1000n);
  await connection.run(
    `DELETE FROM sallyport.log_positions AS entry USING (
       SELECT gateway, max(sequence) AS sequence, max(${POD}) AS pod, max(stored_at) AS stored_at
       FROM sallyport.log_positions WHERE NOT list_contains($1, gateway) GROUP BY gateway
     ) AS last
     WHERE entry.gateway = last.gateway AND last.stored_at < $2
       AND (last.stored_at < $3 OR entry.sequence < last.sequence AND (${POD} < last.pod OR last.pod = 0))`,
    [listValue(present), before(DAY_MS), before(Math.max(DAY_MS, retentionMs))],
    [LIST(VARCHAR), TIMESTAMPTZ, TIMESTAMPTZ],
  );
}
