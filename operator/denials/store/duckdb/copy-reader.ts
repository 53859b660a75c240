// A copy of rows that a caller may read -> a place for one query. The database itself is in memory, with nothing in it, and
// made before the copy is: that takes longer than to attach a file. Locked down as the log itself, before SQL of others runs.
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { lockInstance } from './lock-instance.ts';

export async function prepareReader(memoryMb: number): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    ...{ memory_limit: `${memoryMb}MiB`, threads: '1' },
    ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
  });
  return await instance.connect();
}

/** A file in the present folder, whose name is a plain word. For one query: the connection is in a read-only transaction then. */
export async function attachCopy(connection: DuckDBConnection, file: string): Promise<void> {
  // An in-memory database would spill to a folder with a name of its own.
  await connection.run(`SET temp_directory = '${file}.tmp'`);
  await connection.run(`ATTACH '${file}' AS "${file}" (READ_ONLY)`);
  await connection.run(`USE "${file}"`);
  await lockInstance(connection);
  await connection.run('BEGIN TRANSACTION READ ONLY');
}
