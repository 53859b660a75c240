// A denial log in DuckDB, as people ask it: the log itself for those who may read all, a copy of their rows for others.
import type { QueriedLog } from '../queried-log.ts';
import type { DenialStore } from './denial-store.ts';
import { copyVisible } from './visible-copy.ts';
import { fillFrom } from './visible-rows.ts';

/** `folder`: for copies and answers. */
export function queriedDenials(store: DenialStore, folder: string): QueriedLog {
  return {
    whole: { log: store, folder },
    workspaces: () => store.workspaces(),
    copyVisible: (options) => copyVisible(fillFrom(store), folder, options),
  };
}
