// The denial log as it is at one moment -> another database file, which a collector can start with. Rows are stored
// meanwhile. It has the positions in the logs of gateways that belong to its rows: so gateways send what is missing, or
// count it.
import { rm } from 'node:fs/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { DenialStore } from './denial-store.ts';
import { passChunks } from './free-chunks.ts';
import { prepareInstance } from './open-database.ts';

const MEMORY_MB = 128;

/** Throws where the disk does not take it, and leaves nothing then. */
export async function backUp(store: Pick<DenialStore, 'withReader'>, path: string): Promise<void> {
  try {
    const instance = await DuckDBInstance.create(path, {
      ...{ memory_limit: `${MEMORY_MB}MiB`, threads: '1' },
      ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
    });
    try {
      await prepareInstance(instance, false);
      const target = await instance.connect();
      try {
        await store.withReader((source) => copyTables(source, target));
        // The file alone is the backup.
        await target.run('CHECKPOINT');
      } finally {
        target.closeSync();
      }
    } finally {
      instance.closeSync();
    }
  } catch (error) {
    for (const file of [path, `${path}.wal`, `${path}.tmp`]) await rm(file, { recursive: true, force: true });
    throw error;
  }
}

/** All that there are, so that none is forgotten which is added one day. */
async function copyTables(source: DuckDBConnection, target: DuckDBConnection): Promise<void> {
  const tables = await source.run(
    'SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()',
  );
  for (const [schema, table] of await tables.getRows()) {
    const appender = await target.createAppender(String(table), String(schema));
    try {
      const rows = await source.stream(`SELECT * FROM "${String(schema)}"."${String(table)}"`);
      await passChunks(rows, (chunk) => appender.appendDataChunk(chunk));
    } finally {
      appender.closeSync();
    }
  }
}
