// Issues of a schema -> Problems that quote the value and name the fix.
import { z } from 'zod';
import { didYouMean } from './nearest-name.ts';
import type { Problem, ProblemReason } from './problem.ts';

type Issue = z.core.$ZodIssue;

const LONGEST_QUOTE = 100;

/** One issue as a Problem; `root` is the whole validated value. With its schema, names of fields are suggested. */
export function problemOfIssue(issue: Issue, root: unknown, schema?: z.ZodType): Problem {
  const field = formatPath(issue.path);
  const place = field === '' ? {} : { field };
  const message = `${messageOf(issue, valueAt(root, issue.path))}${suggestion(issue, schema)}`;
  return { reason: reasonOf(issue), message, ...place };
}

/** "spec.egress.rules[3].destination". */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function reasonOf(issue: Issue): ProblemReason {
  if (issue.code === 'unrecognized_keys') return 'UnknownField';
  const isList = issue.code === 'too_big' && String(issue.path.at(-1)).endsWith('Destinations');
  const isSum = issue.code === 'custom' && issue.params?.['reason'] === 'TooManyDestinations';
  return isList || isSum ? 'TooManyDestinations' : 'InvalidValue';
}

function suggestion(issue: Issue, schema: z.ZodType | undefined): string {
  if (issue.code !== 'unrecognized_keys' || schema === undefined) return '';
  const known = fieldsAt(schema, issue.path);
  return issue.keys.map((key) => didYouMean(key, known)).join('');
}

/** None where the path leads to no object. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const [first, ...rest] = path;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return fieldsAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => fieldsAt(option, path));
  if (schema instanceof z.ZodArray) return fieldsAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  if (first === undefined) return Object.keys(schema.shape);
  const field = schema.shape[String(first)];
  return field === undefined ? [] : fieldsAt(field, rest);
}

function messageOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `Cannot accept unknown field ${quoteAll(issue.keys)}: remove it or correct its spelling`;
    case 'invalid_value':
      return `${cannotAccept(value)}: use ${oneOf(issue.values)}`;
    case 'invalid_type':
      return `${cannotAccept(value)}: ${typeHint(issue.expected, value)}`;
    case 'too_big':
      return issue.origin === 'array'
        ? `Cannot accept ${Array.isArray(value) ? value.length : 'so many'} entries: the limit is ${issue.maximum}`
        : `${cannotAccept(value)}: the maximum is ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    case 'too_small':
      return `${cannotAccept(value)}: the minimum is ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`;
    case 'invalid_format':
      return `${cannotAccept(value)}: ${formatHint(issue)}`;
    default:
      return issue.message;
  }
}

/** In YAML it is the quotes that decide between text and number, or true and false. */
function typeHint(expected: string, value: unknown): string {
  const needed = `a value of type ${expected} is needed`;
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `${needed}, write "${value}" in quotes`;
  const isQuoted = typeof value === 'string' && (expected === 'number' ? isNumber(value) : isBoolean(value));
  return isQuoted && (expected === 'number' || expected === 'boolean')
    ? `${needed}, write ${value} without quotes`
    : needed;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function isBoolean(text: string): boolean {
  return text === 'true' || text === 'false';
}

function formatHint(issue: Extract<Issue, { code: 'invalid_format' }>): string {
  if (issue.format === 'datetime') return 'write a time in UTC such as "2027-01-31T00:00:00Z"';
  const isOwn = issue.format === 'regex' && issue.message.startsWith('Invalid string');
  return isOwn ? `it must match ${String(issue.pattern)}` : issue.message;
}

function unitOf(origin: string, limit: number | bigint): string {
  if (origin !== 'string') return '';
  return Number(limit) === 1 ? ' character' : ' characters';
}

/** Quotes the value, unless it is missing or too long to read. */
function cannotAccept(value: unknown): string {
  return value === undefined ? 'Cannot leave this field out' : `Cannot accept ${quote(value)}`;
}

function quote(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}…"`;
}

function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  return quoted.length === 1 ? `${quoted[0]}` : `one of ${quoted.join(', ')}`;
}

function quoteAll(keys: readonly string[]): string {
  return keys.map((key) => `"${key}"`).join(', ');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  );
}
