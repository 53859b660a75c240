// SQL of a person -> which rows and columns of a table it can need at most, so that a copy of their rows need not hold all.
// Only plain queries of one table are understood, by DuckDB's own parser; any other needs everything. What is narrowed is
// narrowed by SQL that is made here, from parts that cannot fail on a value: nothing of the caller runs on rows of others.
import type { DuckDBConnection } from '@duckdb/node-api';
import type { SchemaTable } from '../log-tables.ts';
import { type Expression, PlainConditions, wholeNumber } from './plain-conditions.ts';

export interface NeededRows {
  /** Undefined: all. */
  readonly columns: ReadonlySet<string> | undefined;
  /** An expression without columns: only rows from that time on. It may be earlier than the query's own bound, never later. */
  readonly sinceSql: string | undefined;
  /** Only the newest so many of those that meet the condition. */
  readonly newest: { readonly conditionSql: string; readonly count: number } | undefined;
}

const EVERYTHING: NeededRows = { columns: undefined, sinceSql: undefined, newest: undefined };

/** In characters. A hundred times as long takes the parser seconds, and that is not in the process of the query. */
const LONGEST_SQL = 10_000;

/** Undefined: none. */
export async function neededRows(
  connection: DuckDBConnection,
  table: SchemaTable,
  sql: string,
): Promise<NeededRows | undefined> {
  if (sql.length > LONGEST_SQL) return EVERYTHING;
  const result = await connection.run(
    'SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)',
    [sql],
  );
  const { statements } = JSON.parse(String((await result.getRows())[0]?.[0])) as {
    readonly statements?: readonly { readonly node: SelectNode; readonly named_param_map?: unknown }[];
  };
  const [statement, ...others] = statements ?? [];
  if (statement === undefined || others.length > 0 || statement.named_param_map !== undefined)
    return EVERYTHING;
  return ofSelect(statement.node, table);
}

interface Modifier {
  readonly type: string;
  readonly orders?: readonly { readonly type: string; readonly expression: Expression }[];
  readonly limit?: Expression;
  readonly offset?: Expression;
}

interface SelectNode {
  readonly type: string;
  readonly modifiers?: readonly Modifier[];
  readonly select_list?: readonly Expression[];
  readonly from_table?: Readonly<Record<string, unknown>>;
  readonly where_clause?: Expression;
  readonly aggregate_handling?: string;
}

/** What is in none of these changes nothing about which rows are read. */
const UNDERSTOOD_FIELDS: ReadonlySet<string> = new Set([
  ...['type', 'modifiers', 'select_list', 'from_table', 'where_clause', 'aggregate_handling'],
  ...['group_expressions', 'group_sets', 'having'],
]);
const UNDERSTOOD_TABLE_FIELDS: ReadonlySet<string> = new Set([
  ...['type', 'alias', 'query_location', 'schema_name', 'table_name'],
]);

function ofSelect(node: SelectNode, table: SchemaTable): NeededRows | undefined {
  const { from_table: from = {}, where_clause: where } = node;
  if (!isPlain(node, from)) return EVERYTHING;
  if (from['table_name'] !== table.name) return undefined;
  const reader = new PlainConditions(table, String(from['alias'] ?? table.name));
  const conditions = where === undefined ? [] : conjunctsOf(where);
  const bounds = conditions.flatMap((one) => reader.lowerBound(one) ?? []);
  return {
    columns: columnsOf(node, reader),
    sinceSql: bounds.length === 0 ? undefined : `greatest(${bounds.join(', ')})`,
    newest: newestOf(node, conditions, reader),
  };
}

function isPlain(node: SelectNode, from: NonNullable<SelectNode['from_table']>): boolean {
  const isKnown = (known: ReadonlySet<string>, value: object): boolean =>
    Object.keys(value).every((field) => known.has(field));
  return (
    node.type === 'SELECT_NODE' &&
    isKnown(UNDERSTOOD_FIELDS, node) &&
    from['type'] === 'BASE_TABLE' &&
    from['schema_name'] === 'access' &&
    isKnown(UNDERSTOOD_TABLE_FIELDS, from) &&
    // Another query within has a table of its own.
    !expressionsOf(node).some(({ class: kind }) => kind === 'SUBQUERY')
  );
}

function conjunctsOf(condition: Expression): readonly Expression[] {
  return condition.type === 'CONJUNCTION_AND' ? (condition.children ?? []).flatMap(conjunctsOf) : [condition];
}

/** Every expression, however deep. */
function expressionsOf(value: unknown): readonly Expression[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'class' in value ? [value as Expression] : [];
  return [...own, ...Object.values(value).flatMap(expressionsOf)];
}

/** Of a column, or of all; others replace or rename some. */
const COLUMN_FIELDS: ReadonlySet<string> = new Set(['class', 'type', 'query_location', 'column_names']);

const ROW_BY_ROW: ReadonlySet<string> = new Set([
  ...['COLUMN_REF', 'CONSTANT', 'CAST', 'FUNCTION', 'COMPARISON', 'CONJUNCTION', 'OPERATOR', 'CASE'],
  ...['BETWEEN', 'WINDOW', 'COLLATE'],
]);

/** Undefined where a column may be meant in another way than by its name. */
function columnsOf(node: SelectNode, reader: PlainConditions): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  const aliases = new Set(node.select_list?.map(({ alias }) => alias));
  for (const expression of expressionsOf(node)) {
    if (!ROW_BY_ROW.has(expression.class)) return undefined;
    const { column_names: written } = expression;
    if (written === undefined) continue;
    const name = reader.columnOf(written);
    if (name !== undefined) names.add(name);
    // The table itself, as a value, is every column.
    else if (written.length > 1 || written[0] === reader.alias || !aliases.has(written[0])) return undefined;
  }
  return names;
}

/** Where rows are only listed, newest first, with a limit. */
function newestOf(
  node: SelectNode,
  conditions: readonly Expression[],
  reader: PlainConditions,
): NeededRows['newest'] {
  const count = newestFirst(node.modifiers, reader);
  const all = conditions.map((condition) => reader.sqlOf(condition));
  if (count === undefined || !isListing(node) || all.includes(undefined)) return undefined;
  return { conditionSql: all.join(' AND ') || 'true', count };
}

/** How many rows there are to the end of what is listed. */
function newestFirst(modifiers: readonly Modifier[] = [], reader: PlainConditions): number | undefined {
  const [order, limit, ...others] = modifiers;
  if (limit?.type !== 'LIMIT_MODIFIER' || others.length > 0) return undefined;
  const [first] = order?.orders ?? [];
  if (first?.type !== 'DESCENDING' || !reader.isTime(first.expression)) return undefined;
  return countOf(limit);
}

function countOf({ limit, offset }: Modifier): number | undefined {
  const parts = [wholeNumber(limit), offset === undefined ? 0 : wholeNumber(offset)];
  const count = parts.reduce((sum, part) => sum + part, 0);
  // A negative one is a mistake, which the query itself finds.
  return Number.isSafeInteger(count) && parts.every((part) => part >= 0) ? count : undefined;
}

/** One row for each row of the table, under the names that its columns have. */
function isListing({ select_list: selected = [], ...node }: SelectNode): boolean {
  const isColumn = (expression: Expression): boolean =>
    Object.keys(expression).every((field) => COLUMN_FIELDS.has(field));
  return (
    node.aggregate_handling === 'STANDARD_HANDLING' &&
    !Object.keys(node).some((field) => field.startsWith('group_') || field === 'having') &&
    selected.every(isColumn)
  );
}
