// Conditions of a person's SQL on one table, as DuckDB's parser has them -> SQL that means the same, where they are plain:
// comparisons of a column with a text or a time, which cannot fail on a value of a row.
import type { SchemaTable } from '../log-tables.ts';

export interface Expression {
  readonly class: string;
  readonly type: string;
  readonly alias?: string;
  readonly column_names?: readonly string[];
  readonly children?: readonly Expression[];
  readonly child?: Expression;
  readonly left?: Expression;
  readonly right?: Expression;
  readonly function_name?: string;
  readonly cast_type?: { readonly id: string };
  readonly value?: {
    readonly type: { readonly id: string };
    readonly is_null: boolean;
    readonly value: unknown;
  };
}

/** Functions that make a duration of a number, or an integer of it. */
const OF_NUMBER = /^(?:to_(?:milliseconds|seconds|minutes|hours|days|weeks|months|years)|trunc)$/;
const NOW = /^(?:now|current_timestamp|get_current_timestamp)$/i;
const CASTS: ReadonlySet<string> = new Set([
  ...['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE'],
]);
const COMPARISONS: Readonly<Record<string, string>> = {
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
};
const JOINTS: Readonly<Record<string, string>> = { CONJUNCTION_AND: ' AND ', CONJUNCTION_OR: ' OR ' };
const TIME = 'event_time';

export class PlainConditions {
  /** Of the table in the query. */
  readonly alias: string;
  readonly #types: ReadonlyMap<string, unknown>;

  constructor({ columns }: SchemaTable, alias: string) {
    this.alias = alias;
    this.#types = new Map(columns.map(({ name, type }) => [name, type]));
  }

  /** The column that is named so, or of which a field is. */
  columnOf([first = '', second = '']: readonly string[]): string | undefined {
    const name = (first === this.alias ? second : first).toLowerCase();
    return this.#types.has(name) ? name : undefined;
  }

  isTime(expression: Expression | undefined): boolean {
    return this.#plainColumn(expression) === TIME;
  }

  /** Of the time of rows that meet the condition. */
  lowerBound({ type, left, right }: Expression): string | undefined {
    const isLower = COMPARISONS[type]?.startsWith('>') === true && this.isTime(left);
    return isLower ? timeSql(right) : undefined;
  }

  /** Undefined where it is not plain. */
  sqlOf(expression: Expression): string | undefined {
    const joint = JOINTS[expression.type];
    if (joint === undefined) return this.#comparison(expression);
    const all = (expression.children ?? []).map((child) => this.sqlOf(child));
    return all.includes(undefined) ? undefined : `(${all.join(joint)})`;
  }

  #comparison({ type, left, right }: Expression): string | undefined {
    if (type === 'COMPARE_EQUAL') return this.#equality(this.#plainColumn(left), textOf(right));
    const [sign, time] = [COMPARISONS[type], timeSql(right)];
    return sign !== undefined && time !== undefined && this.isTime(left)
      ? `${TIME} ${sign} ${time}`
      : undefined;
  }

  #equality(column: string | undefined, text: string | undefined): string | undefined {
    if (column === undefined || text === undefined || this.#types.get(column) !== 'text') return undefined;
    return `${column} = ${quoted(text)}`;
  }

  #plainColumn(expression: Expression | undefined): string | undefined {
    const names = expression?.column_names ?? [];
    return names.length === (names[0] === this.alias ? 2 : 1) ? this.columnOf(names) : undefined;
  }
}

export function wholeNumber(expression: Expression | undefined): number {
  const { value } = expression ?? {};
  const isWhole = value !== undefined && !value.is_null && ['INTEGER', 'BIGINT'].includes(value.type.id);
  return isWhole ? Number(value.value) : Number.NaN;
}

function textOf(expression: Expression | undefined): string | undefined {
  const { value } = expression ?? {};
  return value?.type.id === 'VARCHAR' && !value.is_null ? String(value.value) : undefined;
}

/**
 * Of a time that is the same for all rows; null for what is none, which is a mistake that the query itself finds. It is
 * asked for a little earlier than the query's own: so must it be.
 */
function timeSql(expression: Expression | undefined): string | undefined {
  const sql = fixedSql(expression, true);
  return sql === undefined ? undefined : `TRY((${sql})::TIMESTAMPTZ)`;
}

function fixedSql(expression: Expression | undefined, mayBeNow: boolean): string | undefined {
  switch (expression?.class) {
    case 'CONSTANT':
      return constantSql(expression);
    case 'CAST':
      return castSql(expression, mayBeNow);
    case 'COLUMN_REF':
      return nowSql(expression.column_names?.join('.'), mayBeNow);
    case 'FUNCTION':
      return callSql(expression, mayBeNow);
    default:
      return undefined;
  }
}

function constantSql(expression: Expression): string | undefined {
  const [text, whole] = [textOf(expression), wholeNumber(expression)];
  if (text !== undefined) return quoted(text);
  return Number.isSafeInteger(whole) ? String(whole) : undefined;
}

function castSql({ child, cast_type: cast }: Expression, mayBeNow: boolean): string | undefined {
  const inner = fixedSql(child, mayBeNow);
  return inner !== undefined && cast !== undefined && CASTS.has(cast.id)
    ? `(${inner})::${cast.id}`
    : undefined;
}

function nowSql(name: string | undefined, mayBeNow: boolean): string | undefined {
  return mayBeNow && name !== undefined && NOW.test(name) ? 'now()' : undefined;
}

function callSql(
  { function_name: name = '', children = [] }: Expression,
  mayBeNow: boolean,
): string | undefined {
  if (children.length === 0) return nowSql(name, mayBeNow);
  // What is taken away must not grow.
  const all = children.map((child, at) => fixedSql(child, mayBeNow && at === 0));
  if (all.includes(undefined)) return undefined;
  if (all.length === 2 && (name === '-' || name === '+')) return `(${all.join(` ${name} `)})`;
  return all.length === 1 && OF_NUMBER.test(name) ? `${name}(${all[0]})` : undefined;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
