// The columns of a log -> the shape of its rows as JSON. What a row lacks is null, or 0 where it is a count, so that
// gateways of the version before may send; what is not known is dropped, so that those of the next one may.
import { z } from 'zod';
import { type ColumnType, fieldOf, type LogColumn } from '../../model/log-column.ts';

/** More than a line of the log can have. */
const LONGEST_TEXT = 65_536;
const MOST_TEXTS = 100;
const LARGEST_INTEGER = 2 ** 31 - 1;

const text = z.string().max(LONGEST_TEXT);
const SCHEMAS = {
  text: text.nullable().default(null),
  texts: z.array(text).max(MOST_TEXTS).nullable().default(null),
  integer: z.int().min(-LARGEST_INTEGER).max(LARGEST_INTEGER).nullable().default(null),
  count: z.int().min(0).default(0),
  time: text,
} as const;

export function rowSchemaOf<Row>(columns: readonly LogColumn<Row>[]): z.ZodType<Row> {
  const fields = columns.map(({ name, type }) => [fieldOf(name), schemaOf(type)] as const);
  const known = { eventId: text, sequence: z.int().min(1), repeats: z.int().min(1) };
  return z.object({ ...Object.fromEntries(fields), ...known }) as unknown as z.ZodType<Row>;
}

function schemaOf(type: ColumnType): z.ZodType {
  if (typeof type === 'string') return SCHEMAS[type];
  const fields = Object.entries(type).map(([name, field]) => [fieldOf(name), SCHEMAS[field]] as const);
  return z.object(Object.fromEntries(fields)).nullable().default(null);
}
