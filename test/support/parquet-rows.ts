// Rows of Parquet files, read with DuckDB as anybody else would.
import { DuckDBInstance } from '@duckdb/node-api';

export type ReadRow = Readonly<Record<string, unknown>>;

/** `files`: a path, or a pattern such as "…/*\/*.parquet". Empty where there is no file. */
export async function parquetRows(files: string, columns = '*'): Promise<readonly ReadRow[]> {
  const instance = await DuckDBInstance.create(':memory:');
  try {
    const connection = await instance.connect();
    await connection.run(`SET TimeZone = 'UTC'`);
    const found = await connection.runAndReadAll('SELECT count(*) FROM glob($1)', [files]);
    if (Number(found.getRows()[0]?.[0]) === 0) return [];
    const read = await connection.runAndReadAll(
      `SELECT ${columns} FROM read_parquet($1, hive_partitioning = true, union_by_name = true)`,
      [files],
    );
    return read.getRowObjectsJson();
  } finally {
    instance.closeSync();
  }
}
