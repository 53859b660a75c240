// Columns of a log of denials: the name, type and meaning of each, and its value in a row. Tables and JSON lines are
// made from such a list.
/** The name of a field as a column: "eventTime" is "event_time". */
export type ColumnOf<Field extends string> = Field extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${ColumnOf<Rest>}`
  : '';

/** Of 64 bits: "count". A time is UTC in ISO 8601, with microseconds at most. An object has fields of its own. */
export type ColumnType =
  | 'text'
  | 'texts'
  | 'integer'
  | 'count'
  | 'time'
  | Readonly<Record<string, 'text' | 'integer'>>;

export interface LogColumn<Row, Name extends string = string> {
  readonly name: Name;
  readonly type: ColumnType;
  readonly meaning: string;
  /** Null, or what the type says, with the names of the columns. */
  readonly value: (row: Row) => unknown;
}

export function columnsOf<Row extends object, Name extends string>(
  described: readonly (readonly [Name, ColumnType, string])[],
): readonly LogColumn<Row, Name>[] {
  return described.map(([name, type, meaning]) => ({
    name,
    type,
    meaning,
    value: typeof type === 'string' ? reader(name) : recordReader(name, Object.keys(type)),
  }));
}

/** As a JSON line says it. */
export function rowOf<Row>(columns: readonly LogColumn<Row>[], row: Row): Readonly<Record<string, unknown>> {
  return Object.fromEntries(columns.map(({ name, value }) => [name, value(row)]));
}

/** The name of a column as a field: "event_time" is "eventTime". */
export function fieldOf(name: string): string {
  return name.replaceAll(/_[a-z]/g, (match) => match.slice(1).toUpperCase());
}

type Reader = (record: object) => unknown;

function reader(name: string): Reader {
  const field = fieldOf(name);
  return (record) => (record as Readonly<Record<string, unknown>>)[field];
}

function recordReader(name: string, names: readonly string[]): Reader {
  const read = reader(name);
  const fields = names.map((field) => [field, reader(field)] as const);
  return (record) => {
    const value = read(record) as object | null;
    return value && Object.fromEntries(fields.map(([field, valueOf]) => [field, valueOf(value)]));
  };
}
