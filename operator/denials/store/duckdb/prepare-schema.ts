// An open DuckDB file -> one with the schema of the denial log. Must never write into a file that is not one.
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColumnName } from '../../../model/denial-columns.ts';
import type { InboundColumnName } from '../../../model/inbound-columns.ts';
import {
  ENTRY_USES_TABLE,
  INBOUND_TABLE,
  LOG_TABLES,
  OUTBOUND_TABLE,
  QUERIED_TABLES,
  type SchemaTable,
} from '../log-tables.ts';
import { sqlTypeOf } from './column-values.ts';

/** What one version added to the one before: a table, or columns at the end of one, with what former rows have there. */
interface Addition {
  readonly table: SchemaTable;
  /** Left out: the whole table. */
  readonly columns?: Readonly<Record<string, string>>;
}

/** In the order of the versions. */
const ADDITIONS: readonly Addition[] = [
  { table: OUTBOUND_TABLE, columns: outboundDefaults({ repeats: '1', sample: 'NULL' }) },
  { table: INBOUND_TABLE },
  {
    table: OUTBOUND_TABLE,
    columns: outboundDefaults({
      ...{ pod: 'NULL', pod_uid: 'NULL', node: 'NULL', owner: 'NULL', who: 'NULL' },
      lost: '0',
    }),
  },
  { table: INBOUND_TABLE, columns: { lost: '0' } satisfies Partial<Record<InboundColumnName, string>> },
  { table: OUTBOUND_TABLE, columns: outboundDefaults({ protocol: 'NULL' }) },
  { table: ENTRY_USES_TABLE },
];

const FIRST_POSITIONS = ['gateway VARCHAR', 'log_file VARCHAR', 'upto BIGINT'];
/**
 * How far each log file of a gateway is stored; then what the gateway had in all with the last batch of that file: the number
 * of its last row, and its denials.
 */
const POSITIONS = [
  ...FIRST_POSITIONS,
  ...['sequence BIGINT', 'denials BIGINT', 'stored_at TIMESTAMP WITH TIME ZONE'],
];

/** From the rows that are still there, of both tables: no gateway has rows in both. */
const TOTALS_ADDED = [
  'ALTER TABLE sallyport.log_positions ADD COLUMN sequence BIGINT DEFAULT 0',
  'ALTER TABLE sallyport.log_positions ADD COLUMN denials BIGINT DEFAULT 0',
  'ALTER TABLE sallyport.log_positions ADD COLUMN stored_at TIMESTAMP WITH TIME ZONE',
  `UPDATE sallyport.log_positions AS entry SET sequence = total.sequence, denials = total.denials, stored_at = now()
   FROM (
     SELECT split_part(event_id, '/', 1) AS gateway, max(sequence) AS sequence, sum(repeats) AS denials
     FROM (${LOG_TABLES.map(({ name }) => `SELECT event_id, sequence, repeats FROM access.${name}`).join(' UNION ALL ')})
     GROUP BY ALL
   ) AS total WHERE entry.gateway = total.gateway`,
];

/** Only columns that there are. */
function outboundDefaults(defaults: Readonly<Partial<Record<ColumnName, string>>>): Record<string, string> {
  return defaults as Record<string, string>;
}

/** The file holds something else. */
export class ForeignFileError extends Error {}

export async function prepareSchema(connection: DuckDBConnection, readOnly: boolean): Promise<void> {
  const found = await foundColumns(connection);
  if (found.length === 0 && !readOnly) return createSchema(connection);
  const of = (schema: string): string => found.filter((column) => column.startsWith(`${schema}.`)).join();
  const known = [...ADDITIONS.keys(), ADDITIONS.length];
  const version = known.find((at) => of('access') === expectedColumns(tablesBefore(ADDITIONS.slice(at))));
  const positions = [FIRST_POSITIONS, POSITIONS].find((columns) => of('sallyport') === positionsOf(columns));
  const others = found.filter((column) => !/^(?:access|sallyport)\./.test(column));
  if (version === undefined || positions === undefined || others.length > 0) throw new ForeignFileError();
  // Of a former version: read as it is, and written with what was added since.
  if (readOnly) return;
  const statements = [
    ...ADDITIONS.slice(version).flatMap(statementsOf),
    ...(positions === POSITIONS ? [] : TOTALS_ADDED),
  ];
  // All of it or nothing: a process that dies here leaves a file of the former version.
  if (statements.length > 0) await connection.run(`BEGIN; ${statements.join('; ')}; COMMIT`);
}

/** The tables as they were without these additions. */
function tablesBefore(additions: readonly Addition[]): readonly SchemaTable[] {
  return QUERIED_TABLES.flatMap((table) => {
    const ofTable = additions.filter((addition) => addition.table === table);
    if (ofTable.some(({ columns }) => columns === undefined)) return [];
    const isAdded = (name: string) => ofTable.some(({ columns = {} }) => Object.hasOwn(columns, name));
    return [{ ...table, columns: table.columns.filter(({ name }) => !isAdded(name)) }];
  });
}

/** A table is made as it is today, so that later columns are there already. */
function statementsOf({ table, columns }: Addition): readonly string[] {
  if (columns === undefined) return [creationOf(table)];
  return table.columns
    .filter(({ name }) => Object.hasOwn(columns, name))
    .map(
      ({ name, type }) =>
        `ALTER TABLE access.${table.name} ADD COLUMN IF NOT EXISTS ${name} ${sqlTypeOf(type)} DEFAULT ${columns[name]}`,
    );
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
  return tables
    .flatMap((table) =>
      table.columns.map(({ name, type }) => `access.${table.name}.${name}:${sqlTypeOf(type)}`),
    )
    .join();
}

function positionsOf(columns: readonly string[]): string {
  return columns.map((column) => `sallyport.log_positions.${column.replace(' ', ':')}`).join();
}

function creationOf({ name, columns }: SchemaTable): string {
  const described = columns.map((column) => `${column.name} ${sqlTypeOf(column.type)}`).join(', ');
  return `CREATE TABLE access.${name} (${described})`;
}

/** In a file with nothing in it. */
export async function createSchema(connection: DuckDBConnection): Promise<void> {
  await connection.run(`
    BEGIN;
    CREATE SCHEMA access;
    ${QUERIED_TABLES.map(creationOf).join(';\n')};
    CREATE SCHEMA sallyport;
    CREATE TABLE sallyport.log_positions (
      ${POSITIONS.join(', ')}, PRIMARY KEY (gateway, log_file));
    -- The product page writes current_timestamp() with parentheses, which DuckDB does not know.
    CREATE MACRO main."current_timestamp"() AS now();
    COMMIT`);
}
