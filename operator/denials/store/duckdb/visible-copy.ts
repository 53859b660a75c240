// The rows that one caller may read -> a database in memory with nothing else in it, for as long as a query takes. A view
// with a filter would keep nothing: DuckDB evaluates a condition of the caller before the filter where that is cheaper, and
// its errors quote values; stats() says the least and the greatest of a whole column.
import { DuckDBInstance } from '@duckdb/node-api';
import { LOG_TABLES } from './log-tables.ts';
import { prepareInstance } from './open-database.ts';
import { Readers } from './readers.ts';

type Lender = Pick<Readers, 'lend'>;

export interface VisibleCopy {
  readonly withReader: Lender['lend'];
  readonly closing: boolean;
  /** Whether there were more rows than it holds: then it has the newest ones. */
  readonly isPartial: boolean;
  readonly close: () => Promise<void>;
}

export interface VisibleOptions {
  /** Namespaces. */
  readonly workspaces: readonly string[];
  /** Of each table. */
  readonly mostRows: number;
  readonly memoryMb: number;
}

/** `lend` lends a connection to the whole log. */
export async function copyVisible(
  lend: Lender['lend'],
  { workspaces, mostRows, memoryMb }: VisibleOptions,
): Promise<VisibleCopy> {
  const instance = await DuckDBInstance.create(':memory:', {
    ...{ memory_limit: `${memoryMb}MiB`, threads: '1', temp_directory: '' },
    ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
  });
  try {
    await prepareInstance(instance, false);
    let isPartial = false;
    for (const { name } of LOG_TABLES)
      if ((await copyTable(lend, instance, { name, workspaces, mostRows })) > mostRows) isPartial = true;
    const readers = new Readers(instance, () => undefined);
    const close = async (): Promise<void> => {
      await readers.end();
      instance.closeSync();
    };
    return { withReader: (work) => readers.lend(work), closing: false, isPartial, close };
  } catch (cause) {
    instance.closeSync();
    throw cause;
  }
}

/** How many rows were there, or one more than the most. */
function copyTable(
  lend: Lender['lend'],
  instance: DuckDBInstance,
  { name, workspaces, mostRows }: { readonly name: string } & Omit<VisibleOptions, 'memoryMb'>,
): Promise<number> {
  return lend(async (connection) => {
    const target = await instance.connect();
    const appender = await target.createAppender(name, 'access');
    let rows = 0;
    try {
      const values = Object.fromEntries(workspaces.map((workspace, at) => [`w${at}`, workspace]));
      const list = ['NULL', ...Object.keys(values).map((key) => `$${key}`)].join(', ');
      const sql = `SELECT * FROM access.${name} WHERE workspace IN (${list}) ORDER BY event_time DESC LIMIT ${mostRows + 1}`;
      const result = await connection.stream(sql, values);
      for (
        let chunk = await result.fetchChunk();
        (chunk?.rowCount ?? 0) > 0;
        chunk = await result.fetchChunk()
      ) {
        if (chunk === null) break;
        rows += chunk.rowCount;
        appender.appendDataChunk(chunk);
      }
    } finally {
      appender.closeSync();
      target.closeSync();
    }
    return rows;
  });
}
