// An open DuckDB file -> one with the schema of the denial log. Must never write into a file that is not one.
import type { DuckDBConnection } from '@duckdb/node-api';
import { type ColumnName, DENIAL_COLUMNS } from '../../../model/denial-columns.ts';
import { sqlTypeOf } from './column-values.ts';

/** Columns that the logs of former versions lack, and what their rows have there. */
const ADDED_COLUMNS: Readonly<Partial<Record<ColumnName, string>>> = { repeats: '1', sample: 'NULL' };

/** The file holds something else. */
export class ForeignFileError extends Error {}

export async function prepareSchema(connection: DuckDBConnection, readOnly: boolean): Promise<void> {
  const found = await foundColumns(connection);
  if (found.length === 0 && !readOnly) return createSchema(connection);
  if (found.join() === expectedColumns(everyColumn).join()) return;
  // Of a former version: read as it is, and written with the columns added since.
  if (found.join() !== expectedColumns(formerColumns).join()) throw new ForeignFileError();
  if (!readOnly) await addColumns(connection);
}

const everyColumn = () => true;
const formerColumns = (name: string): boolean => !Object.hasOwn(ADDED_COLUMNS, name);

async function addColumns(connection: DuckDBConnection): Promise<void> {
  for (const { name, type } of DENIAL_COLUMNS) {
    const value = ADDED_COLUMNS[name];
    if (value === undefined) continue;
    await connection.run(
      `ALTER TABLE access.outbound_network ADD COLUMN ${name} ${sqlTypeOf(type)} DEFAULT ${value}`,
    );
  }
}

/**
 * Every "schema.table.column:type" of the file, so that neither another database nor an older log is taken for ours.
 */
async function foundColumns(connection: DuckDBConnection): Promise<readonly string[]> {
  const result = await connection.run(
    `SELECT schema_name || '.' || table_name || '.' || column_name || ':' || data_type
     FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()
     ORDER BY schema_name, table_name, column_index`,
  );
  return (await result.getRows()).map((row) => String(row[0]));
}

function expectedColumns(isThere: (name: string) => boolean): readonly string[] {
  const columns = DENIAL_COLUMNS.filter(({ name }) => isThere(name));
  return [
    ...columns.map(({ name, type }) => `access.outbound_network.${name}:${sqlTypeOf(type)}`),
    'sallyport.log_positions.gateway:VARCHAR',
    'sallyport.log_positions.log_file:VARCHAR',
    'sallyport.log_positions.upto:BIGINT',
  ];
}

async function createSchema(connection: DuckDBConnection): Promise<void> {
  const columns = DENIAL_COLUMNS.map(({ name, type }) => `${name} ${sqlTypeOf(type)}`).join(', ');
  await connection.run(`
    BEGIN;
    CREATE SCHEMA access;
    CREATE TABLE access.outbound_network (${columns});
    CREATE SCHEMA sallyport;
    CREATE TABLE sallyport.log_positions (
      gateway VARCHAR, log_file VARCHAR, upto BIGINT, PRIMARY KEY (gateway, log_file));
    -- The product page writes current_timestamp() with parentheses, which DuckDB does not know.
    CREATE MACRO main."current_timestamp"() AS now();
    COMMIT`);
}
