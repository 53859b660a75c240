// The rows that one caller may read -> a database in memory with nothing else in it, for as long as a query takes. A view
// with a filter would keep nothing: DuckDB evaluates a condition of the caller before the filter where that is cheaper, and
// its errors quote values; stats() says the least and the greatest of a whole column.
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { QUERIED_TABLES, type SchemaTable } from '../log-tables.ts';
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

interface VisibleFilter {
  /** Namespaces; "all" has the rows of no workspace too. */
  readonly workspaces: readonly string[] | 'all';
  /** Rows from then on, in ISO 8601. */
  readonly since?: string | undefined;
  /** Of each table. */
  readonly mostRows: number;
}

export interface VisibleOptions extends VisibleFilter {
  readonly memoryMb: number;
}

/**
 * Puts the newest rows of a table that pass the filter into the table of that name. Resolves to how many there were, or
 * one more than the most.
 */
export type FillTable = (
  target: DuckDBConnection,
  table: SchemaTable,
  filter: VisibleFilter,
) => Promise<number>;

export async function copyVisible(
  fill: FillTable,
  { memoryMb, ...filter }: VisibleOptions,
): Promise<VisibleCopy> {
  const instance = await DuckDBInstance.create(':memory:', {
    ...{ memory_limit: `${memoryMb}MiB`, threads: '1', temp_directory: '' },
    ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
  });
  try {
    await prepareInstance(instance, false);
    let isPartial = false;
    for (const table of QUERIED_TABLES)
      if ((await fillTable(instance, table, { fill, filter })) > filter.mostRows) isPartial = true;
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

async function fillTable(
  instance: DuckDBInstance,
  table: SchemaTable,
  { fill, filter }: { readonly fill: FillTable; readonly filter: VisibleFilter },
): Promise<number> {
  const target = await instance.connect();
  try {
    return await fill(target, table, filter);
  } finally {
    target.closeSync();
  }
}
