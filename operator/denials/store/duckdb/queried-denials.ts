// A denial log in DuckDB, as people ask it: the log itself for those who may read all, a copy of their rows for others.
import { QUERIED_TABLES } from '../log-tables.ts';
import type { QueriedLog } from '../queried-log.ts';
import type { DenialStore } from './denial-store.ts';
import { copyVisible } from './visible-copy.ts';
import { fillFrom } from './visible-rows.ts';

/** `folder`: for copies and answers. */
export function queriedDenials(store: DenialStore, folder: string): QueriedLog {
  return {
    whole: { log: store, folder },
    workspaces: () => workspacesOf(store),
    copyVisible: (options) => copyVisible(fillFrom(store), folder, options),
  };
}

function workspacesOf(store: DenialStore): Promise<readonly string[]> {
  return store.withReader(async (connection) => {
    const tables = QUERIED_TABLES.map(({ name }) => `SELECT workspace FROM access.${name}`);
    const result = await connection.run(
      `SELECT DISTINCT workspace FROM (${tables.join(' UNION ALL ')}) WHERE workspace IS NOT NULL`,
    );
    return (await result.getRows()).map(([workspace]) => String(workspace));
  });
}
