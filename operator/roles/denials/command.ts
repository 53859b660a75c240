// `sallyport denials`: rows of the denial log for people, or for programs with --json.
import { resolve } from 'node:path';
import { formatDenials } from '../../denials/query/format-denials.ts';
import { queryDenials } from '../../denials/query/query-denials.ts';
import { selectDenials } from '../../denials/query/select-denials.ts';
import { statePaths } from '../../gateway/state/state-directory.ts';
import { parseDuration } from '../../lib/duration.ts';

export interface DenialsOptions {
  readonly state: string;
  readonly since?: string;
  readonly workspace?: string;
  readonly sql?: string;
  readonly json?: boolean;
}

const FAILED = 1;
const USAGE = 2;

export async function denialsCommand(options: DenialsOptions): Promise<number> {
  const query = queryOf(options);
  if ('error' in query) return complain(query.error, USAGE);
  const answer = await queryDenials({ ...statePaths(resolve(options.state)), sql: query.sql });
  if ('error' in answer) return complain(answer.error, FAILED);
  const { isTTY, columns: width } = process.stdout;
  const text = formatDenials(answer.columns, answer.rows, {
    json: options.json ?? false,
    listing: options.sql === undefined,
    colour: isTTY && process.stdout.hasColors(),
    ...(isTTY ? { width } : {}),
  });
  process.stdout.write(answer.rows.length === 0 && options.json !== true ? 'No denials found\n' : text);
  return 0;
}

function queryOf(options: DenialsOptions): { readonly sql: string } | { readonly error: string } {
  if (options.sql !== undefined) {
    const isMixed = options.since !== undefined || options.workspace !== undefined;
    return isMixed
      ? { error: 'Cannot combine --sql with --since or --workspace: put the condition into the query' }
      : { sql: options.sql };
  }
  const since = options.since === undefined ? undefined : parseDuration(options.since);
  if (since !== undefined && 'error' in since) return { error: `--since: ${since.error}` };
  return {
    sql: selectDenials({
      ...(since === undefined ? {} : { sinceMs: since.durationMs }),
      ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
    }),
  };
}

function complain(message: string, status: number): number {
  process.stderr.write(`${message}\n`);
  return status;
}
