// Denials of the state directory of `sallyport run`.
import { resolve } from 'node:path';
import { queryDenials, queryParquet } from '../../denials/query/query-denials.ts';
import { selectWorkspaces } from '../../denials/query/select-denials.ts';
import { readHits } from '../../denials/store/hits-file.ts';
import { statePaths } from '../../gateway/state/state-directory.ts';
import { isWorkspace, noSuchWorkspace } from '../shared/known-workspaces.ts';
import type { DenialSource } from './denial-source.ts';

export function sourceOfState(state: string): DenialSource {
  const paths = statePaths(resolve(state));
  return {
    identifiesPods: false,
    ask: (sql, maxRows) => queryDenials({ ...paths, sql, ...(maxRows === undefined ? {} : { maxRows }) }),
    backUp: () => backUpState(paths),
    askParquet: (sql) => queryParquet({ ...paths, sql }),
    whyNothing: async (workspace) => ({ fault: await faultOfWorkspace(paths, workspace) }),
    rightsOn: async () => ({}),
    close: async () => undefined,
  };
}

/** Only the process has the file. */
async function backUpState({ root, database }: ReturnType<typeof statePaths>) {
  return {
    error: `Cannot back up "${root}" so: stop sallyport and copy "${database}"; of a cluster's collector a backup is made while it runs`,
  };
}

/** Whether there is no such workspace, neither now nor in the log. */
async function faultOfWorkspace(
  paths: ReturnType<typeof statePaths>,
  workspace: string | undefined,
): Promise<string | undefined> {
  if (workspace === undefined) return undefined;
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
  return noSuchWorkspace(workspace, `"${paths.root}"`, [...names]);
}
