// Rows, chunk by chunk -> a Parquet file. The denial log itself can write no file, so that no query can: this is a database
// of its own beside it, on disk, since a day may be larger than memory. It runs no SQL of anybody else.
import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { UnreadableFileError } from '../unreadable-file-error.ts';

export interface ParquetOptions {
  /** The file; what is temporary is beside it. */
  readonly path: string;
  readonly columns: readonly ParquetColumn[];
  readonly fill: (take: (chunk: DuckDBDataChunk) => void) => Promise<void>;
  /** Of the disk, while it is made. Default: no limit. */
  readonly mostBytes?: number;
  /**
   * A Parquet file with rows of the same log, or undefined. Its rows are added; of rows with the same `event_id` that
   * with most repeats stays. Where they cannot be read, an UnreadableFileError is thrown.
   */
  readonly former?: () => Promise<string | undefined>;
}

interface ParquetColumn {
  readonly name: string;
  /** In SQL. */
  readonly type: string;
}

const MEMORY_MB = 128;
/** A group of rows is in memory while it is written. */
const GROUP_ROWS = 40_960;
const FORMAT = `(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${GROUP_ROWS})`;

/** Throws where a row or the disk does not take it. Leaves nothing but the file. Resolves to the number of rows in it. */
export async function writeParquet(options: ParquetOptions): Promise<number> {
  const { path } = options;
  const staged = `${path}.duckdb`;
  try {
    const instance = await DuckDBInstance.create(staged, {
      ...{ memory_limit: `${MEMORY_MB}MiB`, threads: '1', temp_directory: `${path}.spill` },
      ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
    });
    try {
      const connection = await instance.connect();
      await connection.run(`SET GLOBAL TimeZone = 'UTC'`);
      if (options.mostBytes !== undefined)
        await connection.run(`SET max_temp_directory_size = '${options.mostBytes}B'`);
      return await copyRows(connection, options);
    } finally {
      instance.closeSync();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    for (const file of [staged, `${staged}.wal`, `${path}.spill`])
      await rm(file, { force: true, recursive: true });
  }
}

async function copyRows(
  connection: DuckDBConnection,
  { path, columns, fill, former, mostBytes = Number.POSITIVE_INFINITY }: ParquetOptions,
): Promise<number> {
  // Names of others may be equal but for their case, which a table cannot have.
  const described = columns.map(({ type }, at) => `c${at} ${type}`).join(', ');
  await connection.run(`CREATE TABLE staged (${described})`);
  const appender = await connection.createAppender('staged');
  try {
    await fill((chunk) => {
      appender.appendDataChunk(chunk);
      if (statSync(`${path}.duckdb`).size > mostBytes)
        throw new Error(`it has more than ${mostBytes} bytes; narrow it, or use LIMIT`);
    });
  } finally {
    appender.closeSync();
  }
  const names = columns.map(({ name }, at) => `c${at} AS ${quotedName(name)}`).join(', ');
  const rows = `SELECT ${names} FROM staged`;
  const earlier = await former?.();
  const all = earlier === undefined ? rows : mergeOf(rows, earlier);
  try {
    return (await connection.run(`COPY (${all}) TO ${quotedText(path)} ${FORMAT}`)).rowsChanged;
  } catch (error) {
    if (earlier !== undefined) await checkReadable(connection, `${rows} WHERE false`, earlier);
    throw error;
  }
}

/** Reads all of it, as rows like `noRows`. */
async function checkReadable(connection: DuckDBConnection, noRows: string, file: string): Promise<void> {
  try {
    await connection.run(`SELECT bit_xor(hash(merged)) FROM (${mergeOf(noRows, file)}) AS merged`);
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    throw new UnreadableFileError(reason.replaceAll(`'${file}'`, 'it').replaceAll(file, 'it'));
  }
}

/** By name: the file may be of a version with fewer columns, or with more. */
function mergeOf(rows: string, earlier: string): string {
  const file = `SELECT * FROM read_parquet(${quotedText(earlier)}, hive_partitioning = false)`;
  return `SELECT * FROM (${rows} UNION ALL BY NAME ${file})
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY repeats DESC) = 1 ORDER BY event_time, event_id`;
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
