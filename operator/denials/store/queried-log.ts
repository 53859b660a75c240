// What the SQL of a person is asked of, whatever stores the rows.
import type { DenialStore } from './duckdb/denial-store.ts';
import type { VisibleCopy, VisibleOptions } from './duckdb/visible-copy.ts';

export interface QueriedLog {
  /** Namespaces of which there are rows. */
  readonly workspaces: () => Promise<readonly string[]>;
  readonly copyVisible: (options: VisibleOptions) => Promise<VisibleCopy>;
  /** For those who may read all; undefined where they get a copy too. */
  readonly whole:
    | {
        readonly log: Pick<DenialStore, 'withReader' | 'closing'>;
        /** For answers that are files. */
        readonly folder: string;
      }
    | undefined;
}
