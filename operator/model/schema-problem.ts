// What a schema found wrong, in words that quote the value and name the fix.
import type { z } from 'zod';
import type { Problem, ProblemReason } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** One finding as a Problem; `root` is the whole value that was looked at. */
export function problemOfIssue(issue: Issue, root: unknown): Problem {
  const field = formatPath(issue.path);
  const place = field === '' ? {} : { field };
  return { reason: reasonOf(issue), message: messageOf(issue, valueAt(root, issue.path)), ...place };
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
  if (issue.code === 'too_big' && issue.origin === 'array') return 'TooManyDestinations';
  const isCount = issue.code === 'custom' && issue.params?.['reason'] === 'TooManyDestinations';
  return isCount ? 'TooManyDestinations' : 'InvalidValue';
}

function messageOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `Cannot accept unknown field ${quoteAll(issue.keys)}: remove it or correct its spelling`;
    case 'invalid_value':
      return `${cannotAccept(value)}: use ${oneOf(issue.values)}`;
    case 'invalid_type':
      return value === undefined ? `is missing: a value of type ${issue.expected} is needed` : `${cannotAccept(value)}: a value of type ${issue.expected} is needed`;
    case 'too_big':
      return issue.origin === 'array'
        ? `Cannot accept ${Array.isArray(value) ? value.length : 'so many'} entries: the limit is ${issue.maximum}`
        : `${cannotAccept(value)}: the maximum is ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_small':
      return `${cannotAccept(value)}: the minimum is ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'invalid_format':
      return `${cannotAccept(value)}: ${formatHint(issue)}`;
    default:
      return issue.message;
  }
}

function formatHint(issue: Extract<Issue, { code: 'invalid_format' }>): string {
  if (issue.format === 'datetime') return 'write a time in UTC such as "2027-01-31T00:00:00Z"';
  return issue.format === 'regex' ? `it must match ${String(issue.pattern)}` : issue.message;
}

function cannotAccept(value: unknown): string {
  return `Cannot accept ${JSON.stringify(value) ?? 'nothing'}`;
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
    (value, part) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined),
    root,
  );
}
