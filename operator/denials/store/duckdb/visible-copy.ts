// The rows that one caller may read -> a database with nothing else in it, for as long as a query takes. A view with a
// filter would keep nothing: DuckDB evaluates a condition of the caller before the filter where that is cheaper, and its
// errors quote values; stats() says the least and the greatest of a whole column.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { makeDirectories } from '../../../lib/make-directories.ts';
import { QUERIED_TABLES, type SchemaTable } from '../log-tables.ts';
import { prepareNewInstance } from './open-database.ts';

export interface VisibleCopy {
  /** A folder of its own, and the database in it, which nobody has open. */
  readonly folder: string;
  readonly database: string;
  /** Whether there were more rows than it holds. */
  readonly isPartial: boolean;
  readonly remove: () => Promise<void>;
}

export interface VisibleFilter {
  /** Namespaces; "all" has the rows of no workspace too. */
  readonly workspaces: readonly string[] | 'all';
  /** Rows from then on, in ISO 8601. */
  readonly since?: string | undefined;
  /** Of each table. */
  readonly mostRows: number;
  /** The one query that the copy is for, as DuckDB reads it: what it surely does not need may be left out. */
  readonly sql?: string;
}

export interface VisibleOptions extends VisibleFilter {
  readonly memoryMb: number;
}

/**
 * Puts the rows of a table that pass the filter into the table of that name. Resolves to how many there were, or one more
 * than the most.
 */
export type FillTable = (
  target: DuckDBConnection,
  table: SchemaTable,
  filter: VisibleFilter,
) => Promise<number>;

/** Below `parent`, which is made where it is absent. */
export async function copyVisible(
  fill: FillTable,
  parent: string,
  options: VisibleOptions,
): Promise<VisibleCopy> {
  await makeDirectories(parent, 0o700);
  const folder = await mkdtemp(join(parent, 'rows-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const database = join(folder, 'rows');
    return { folder, database, remove, isPartial: await fillTables(database, fill, options) };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

/** Resolves to whether rows are missing. */
async function fillTables(
  database: string,
  fill: FillTable,
  { memoryMb, ...filter }: VisibleOptions,
): Promise<boolean> {
  const instance = await DuckDBInstance.create(database, {
    ...{ memory_limit: `${memoryMb}MiB`, threads: '1' },
    ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
  });
  try {
    await prepareNewInstance(instance);
    let isPartial = false;
    for (const table of QUERIED_TABLES)
      if ((await fillTable(instance, table, { fill, filter })) > filter.mostRows) isPartial = true;
    return isPartial;
  } finally {
    instance.closeSync();
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
