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
  readonly inbound?: boolean;
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
    ...(options.sql === undefined ? { listing: options.inbound === true ? 'inbound' : 'outbound' } : {}),
    colour: isTTY && process.stdout.hasColors(),
    ...(isTTY ? { width } : {}),
  });
  process.stdout.write(answer.rows.length === 0 && options.json !== true ? 'No denials found\n' : text);
  return 0;
}

function queryOf(options: DenialsOptions): { readonly sql: string } | { readonly error: string } {
  const { sql, since: age, workspace, inbound } = options;
  if (sql !== undefined) {
    return age !== undefined || workspace !== undefined || inbound === true
      ? {
          error:
            'Cannot combine --sql with --since, --workspace or --inbound: put the condition into the query',
        }
      : { sql };
  }
  const since = age === undefined ? { durationMs: undefined } : parseDuration(age);
  if ('error' in since) return { error: `--since: ${since.error}` };
  return { sql: selectDenials({ sinceMs: since.durationMs, workspace, inbound }) };
}

function complain(message: string, status: number): number {
  process.stderr.write(`${message}\n`);
  return status;
}
