// The options of `sallyport denials` -> what is asked for, or a sentence that says which option to change.
import { type DenialFilter, selectDenials, selectTop } from '../../denials/query/select-denials.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OUTPUT_FORMATS, type TextFormat } from '../../model/output-format.ts';
import type { PersonOptions } from '../../person-config.ts';

export interface DenialsOptions extends PersonOptions {
  readonly state?: string;
  readonly since?: string;
  readonly namespace?: string;
  readonly workspace?: string;
  readonly pod?: string;
  readonly policy?: string;
  readonly product?: string;
  readonly until?: string;
  readonly dryRun?: boolean;
  readonly failures?: boolean;
  readonly inbound?: boolean;
  readonly follow?: boolean;
  readonly top?: string | boolean;
  readonly limit?: string;
  readonly sql?: string;
  readonly json?: boolean;
  readonly output?: string;
  readonly backup?: boolean;
}

export interface SqlRequest {
  readonly kind: 'sql';
  readonly sql: string;
  readonly output: TextFormat;
}

export interface RowsRequest {
  readonly kind: 'list' | 'follow' | 'top';
  readonly filter: DenialFilter;
  readonly output: TextFormat;
  /** Most rows; infinite for all. */
  readonly limit: number;
}

/** Rows as one file. */
interface ParquetRequest {
  readonly kind: 'parquet';
  readonly sql: string;
}

export type Request = SqlRequest | RowsRequest | ParquetRequest | { readonly kind: 'backup' };
type Fault = { readonly error: string };

const DEFAULT_ROWS = 1000;
const DEFAULT_TOP = 10;
const MOST_PARQUET_ROWS = 1_000_000;
const MOST_TOP = 1000;
/** Of --top: a whole year in 24 bars says little. */
const TOP_MS = 86_400_000;

export function readRequest(options: DenialsOptions): Request | Fault {
  if (options.backup === true) return readBackup(options);
  const output = outputOf(options);
  if (typeof output === 'object') return output;
  const conflict = CONFLICTS.find(([isThere]) => isThere(options));
  if (conflict !== undefined) return { error: conflict[1] };
  if (output === 'parquet') return readParquet(options);
  const { sql } = options;
  return sql === undefined ? readRows(options, output) : readSql(sql, options, output);
}

/** Without --limit it has all rows. */
function readParquet(options: DenialsOptions): Request | Fault {
  if (options.follow === true)
    return { error: 'Cannot combine --follow with -o parquet: such a file has an end; use -o json' };
  const { sql, limit, top } = options;
  const all = limit === undefined && top === undefined ? { ...options, limit: '0' } : options;
  const request = sql === undefined ? readRows(all, 'json') : readSql(sql, options, 'json');
  if ('error' in request || request.kind === 'parquet' || request.kind === 'backup') return request;
  if (request.kind === 'sql') return { kind: 'parquet', sql: request.sql };
  const { filter, kind } = request;
  // The answer says where there are more than it may have.
  const rows = Math.min(request.limit, MOST_PARQUET_ROWS + 1);
  return {
    kind: 'parquet',
    sql: kind === 'top' ? selectTop(filter, rows) : selectDenials({ ...filter, limit: rows }),
  };
}

function readBackup(options: DenialsOptions): Request | Fault {
  const [chosen] = [...ROW_OPTIONS, ...FORM_OPTIONS].filter(([name]) => options[name] !== undefined);
  return chosen === undefined
    ? { kind: 'backup' }
    : { error: `Cannot combine --backup with ${chosen[1]}: it has the whole log, as a database file` };
}

function readSql(sql: string, options: DenialsOptions, output: TextFormat): Request | Fault {
  const [chosen] = ROW_OPTIONS.filter(([name]) => options[name] !== undefined);
  return chosen === undefined
    ? { kind: 'sql', sql, output }
    : { error: `Cannot combine --sql with ${chosen[1]}: put the condition into the query` };
}

function readRows(options: DenialsOptions, output: TextFormat): Request | Fault {
  const { top, follow } = options;
  const span = spanOf(options);
  if ('error' in span) return span;
  const kind = follow === true ? 'follow' : top === undefined ? 'list' : 'top';
  const limit = kind === 'top' ? topOf(options) : limitOf(options);
  if (typeof limit === 'object') return limit;
  const sinceMs = span.sinceMs ?? (kind === 'top' ? TOP_MS : undefined);
  return { kind, output, limit, filter: { ...filterOf(options), ...span, sinceMs } };
}

type Span = Pick<DenialFilter, 'sinceMs' | 'untilMs'>;

function spanOf({ since, until }: DenialsOptions): Span | Fault {
  const [from, to] = [since, until].map((text) =>
    text === undefined ? { durationMs: undefined } : parseDuration(text),
  );
  if (from !== undefined && 'error' in from) return { error: `--since: ${from.error}` };
  if (to !== undefined && 'error' in to) return { error: `--until: ${to.error}` };
  const [sinceMs, untilMs] = [from?.durationMs, to?.durationMs];
  if (untilMs !== undefined && (sinceMs ?? Number.POSITIVE_INFINITY) <= untilMs)
    return {
      error: `Cannot show denials from --since ${since} to --until ${until}: both say how long ago, so --since must be longer`,
    };
  return { sinceMs, untilMs };
}

function filterOf(options: DenialsOptions): DenialFilter {
  const { namespace, workspace = namespace, pod, policy, product, dryRun, inbound } = options;
  return { workspace, pod, policy, product, dryRun, inbound };
}

function outputOf({ output, json }: DenialsOptions): (typeof OUTPUT_FORMATS)[number] | Fault {
  if (output === undefined) return json === true ? 'json' : 'table';
  const known = OUTPUT_FORMATS.find((one) => one === output);
  if (json === true && known !== 'json')
    return { error: 'Cannot combine --json with another -o: leave one out' };
  if (known !== undefined) return known;
  const choices = OUTPUT_FORMATS.join(', ');
  return { error: `-o: Cannot write "${output}": choose ${choices}` };
}

/** Options that say different things about the same. */
const CONFLICTS: readonly (readonly [(options: DenialsOptions) => boolean, string])[] = [
  [
    ({ failures }) => failures === true,
    'Cannot show --failures: the log has what was denied, and not yet what was allowed and failed',
  ],
  [
    ({ follow, top }) => follow === true && top !== undefined,
    'Cannot combine --follow with --top: leave one out',
  ],
  [
    ({ namespace, workspace }) => namespace !== undefined && workspace !== undefined,
    'Cannot combine --namespace with --workspace: both say which workspace, the latter also by its id',
  ],
  [
    ({ inbound, pod, policy, product }) => inbound === true && (pod ?? policy ?? product) !== undefined,
    'Cannot combine --inbound with --pod, --policy or --product: requests from outside are of no pod, and decided by lists',
  ],
  [
    ({ until, top, follow }) => until !== undefined && (top !== undefined || follow === true),
    'Cannot combine --until with --top or --follow: they go up to now; use -o json or --sql',
  ],
  [
    ({ top, limit }) => top !== undefined && limit !== undefined,
    'Cannot combine --limit with --top: --top 20 shows 20',
  ],
  [
    ({ follow, limit }) => follow === true && limit !== undefined,
    'Cannot combine --limit with --follow: it goes on until you end it',
  ],
];

/** What chooses rows, or how they are shown. */
const ROW_OPTIONS = [
  ['since', '--since'],
  ['namespace', '--namespace'],
  ['workspace', '--workspace'],
  ['pod', '--pod'],
  ['policy', '--policy'],
  ['product', '--product'],
  ['until', '--until'],
  ['dryRun', '--dry-run'],
  ['inbound', '--inbound'],
  ['follow', '--follow'],
  ['top', '--top'],
  ['limit', '--limit'],
] as const;

const FORM_OPTIONS = [
  ['sql', '--sql'],
  ['output', '-o'],
  ['json', '--json'],
] as const;

function topOf({ top }: DenialsOptions): number | Fault {
  const text = typeof top === 'string' ? top : `${DEFAULT_TOP}`;
  return /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_TOP
    ? Number(text)
    : { error: `--top: Cannot show "${text}" destinations: write a number from 1 to ${MOST_TOP}` };
}

function limitOf({ limit, follow }: DenialsOptions): number | Fault {
  if (limit === undefined) return follow === true ? Number.POSITIVE_INFINITY : DEFAULT_ROWS;
  if (!/^\d{1,9}$/.test(limit))
    return { error: `--limit: Cannot read "${limit}": write a number of rows; 0: all` };
  return Number(limit) === 0 ? Number.POSITIVE_INFINITY : Number(limit);
}
