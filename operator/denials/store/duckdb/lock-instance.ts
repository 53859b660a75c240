// What holds for every DuckDB instance on which SQL of people runs: times in UTC, and nothing beyond its rows.
import type { DuckDBConnection } from '@duckdb/node-api';

/** What one query may spill to disk before it fails. */
const SPILL_LIMIT = '1GiB';

/** For good: nobody can change a setting afterwards. */
export async function lockInstance(connection: DuckDBConnection): Promise<void> {
  await connection.run(`SET GLOBAL TimeZone = 'UTC'`);
  await connection.run(`SET max_temp_directory_size = '${SPILL_LIMIT}'`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}
