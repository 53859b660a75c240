// Statements that are run again and again on one connection: each is prepared once, and lives as long as the connection.
import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBResult, DuckDBValue } from '@duckdb/node-api';

type Statements = Map<string, DuckDBPreparedStatement>;

const KEPT = new WeakMap<DuckDBConnection, Statements>();

/** `sql` is written in the code: each text is kept. One at a time on each connection. */
export async function runKept(
  connection: DuckDBConnection,
  sql: string,
  values: DuckDBValue[],
): Promise<DuckDBResult> {
  const statements: Statements = KEPT.get(connection) ?? new Map<string, DuckDBPreparedStatement>();
  KEPT.set(connection, statements);
  const statement = statements.get(sql) ?? (await connection.prepare(sql));
  statements.set(sql, statement);
  statement.bind(values);
  return await statement.run();
}
