// `sallyport denials`: rows of the denial log for people, or for programs with --json.
import { resolve } from 'node:path';
import { formatDenials } from '../../denials/query/format-denials.ts';
import { queryDenials } from '../../denials/query/query-denials.ts';
import type { QueryRows } from '../../denials/query/run-query.ts';
import { selectDenials, selectWorkspaces } from '../../denials/query/select-denials.ts';
import { readHits } from '../../denials/store/hits-file.ts';
import { statePaths } from '../../gateway/state/state-directory.ts';
import { parseDuration } from '../../lib/duration.ts';
import { isWorkspace, noSuchWorkspace } from '../shared/known-workspaces.ts';

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
  const fault = answer.rows.length === 0 ? await faultOfWorkspace(options) : undefined;
  if (fault !== undefined) return complain(fault, FAILED);
  process.stdout.write(textOf(answer, options));
  return 0;
}

function textOf({ columns, rows }: QueryRows, options: DenialsOptions): string {
  if (rows.length === 0 && options.json !== true) return 'No denials found\n';
  const { isTTY, columns: width } = process.stdout;
  return formatDenials(columns, rows, {
    json: options.json ?? false,
    ...(options.sql === undefined ? { listing: options.inbound === true ? 'inbound' : 'outbound' } : {}),
    colour: isTTY && process.stdout.hasColors(),
    ...(isTTY ? { width } : {}),
  });
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

/** Where nothing was found: whether that is since there is no such workspace, neither now nor in the log. */
async function faultOfWorkspace({ state, workspace }: DenialsOptions): Promise<string | undefined> {
  if (workspace === undefined) return undefined;
  const paths = statePaths(resolve(state));
  const { workspaces = [] } = (await readHits(paths.hits)) ?? {};
  if (workspaces.some(isWorkspace(workspace))) return undefined;
  const logged = await queryDenials({ ...paths, sql: selectWorkspaces() });
  if ('error' in logged) return logged.error;
  const former = logged.rows.map((row) => ({
    workspace: String(row['workspace']),
    workspaceId: String(row['workspace_id']),
  }));
  if (former.some(isWorkspace(workspace))) return undefined;
  const names = new Set([...workspaces, ...former].map((one) => one.workspace));
  return noSuchWorkspace(workspace, paths.root, [...names]);
}

function complain(message: string, status: number): number {
  process.stderr.write(`${message}\n`);
  return status;
}
