// An open DuckDB file -> one with the schema of the denial log. Must never write into a file that is not one.
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColumnName } from '../../../model/denial-columns.ts';
import { sqlTypeOf } from './column-values.ts';
import { INBOUND_TABLE, LOG_TABLES, OUTBOUND_TABLE, type SchemaTable } from './log-tables.ts';

/** Columns that the logs of former versions lack, and what their rows have there. */
const ADDED_COLUMNS: Readonly<Partial<Record<ColumnName, string>>> = { repeats: '1', sample: 'NULL' };

const isAdded = (name: string): boolean => Object.hasOwn(ADDED_COLUMNS, name);

/** That of the first version. */
const FIRST_OUTBOUND: SchemaTable = {
  name: OUTBOUND_TABLE.name,
  columns: OUTBOUND_TABLE.columns.filter(({ name }) => !isAdded(name)),
};

/** The file holds something else. */
export class ForeignFileError extends Error {}

export async function prepareSchema(connection: DuckDBConnection, readOnly: boolean): Promise<void> {
  const found = (await foundColumns(connection)).join();
  if (found === '' && !readOnly) return createSchema(connection);
  if (found === expectedColumns(LOG_TABLES)) return;
  // Of a former version: read as it is, and written with what was added since.
  const isFirst = found === expectedColumns([FIRST_OUTBOUND]);
  if (!isFirst && found !== expectedColumns([OUTBOUND_TABLE])) throw new ForeignFileError();
  if (!readOnly) await upgrade(connection, isFirst);
}

/** All of it or nothing: a process that dies here leaves a file of the former version. */
async function upgrade(connection: DuckDBConnection, isFirst: boolean): Promise<void> {
  const columns = OUTBOUND_TABLE.columns.filter(({ name }) => isFirst && isAdded(name));
  const added = columns.map(
    ({ name, type }) =>
      `ALTER TABLE access.outbound_network ADD COLUMN ${name} ${sqlTypeOf(type)} DEFAULT ${ADDED_COLUMNS[name as ColumnName]};`,
  );
  await connection.run(`BEGIN; ${added.join(' ')} ${creationOf(INBOUND_TABLE)}; COMMIT`);
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

/** As foundColumns() has them, joined. */
function expectedColumns(tables: readonly SchemaTable[]): string {
  return [
    ...tables.flatMap((table) =>
      table.columns.map(({ name, type }) => `access.${table.name}.${name}:${sqlTypeOf(type)}`),
    ),
    'sallyport.log_positions.gateway:VARCHAR',
    'sallyport.log_positions.log_file:VARCHAR',
    'sallyport.log_positions.upto:BIGINT',
  ].join();
}

function creationOf({ name, columns }: SchemaTable): string {
  const described = columns.map((column) => `${column.name} ${sqlTypeOf(column.type)}`).join(', ');
  return `CREATE TABLE access.${name} (${described})`;
}

async function createSchema(connection: DuckDBConnection): Promise<void> {
  await connection.run(`
    BEGIN;
    CREATE SCHEMA access;
    ${LOG_TABLES.map(creationOf).join(';\n')};
    CREATE SCHEMA sallyport;
    CREATE TABLE sallyport.log_positions (
      gateway VARCHAR, log_file VARCHAR, upto BIGINT, PRIMARY KEY (gateway, log_file));
    -- The product page writes current_timestamp() with parentheses, which DuckDB does not know.
    CREATE MACRO main."current_timestamp"() AS now();
    COMMIT`);
}
