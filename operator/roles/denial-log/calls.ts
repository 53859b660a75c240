// What `sallyport run` and the process of its denial log say to each other. Everything is plain data.
import { fileURLToPath } from 'node:url';
import type { Denial } from '../../model/denial.ts';
import type { EgressTable } from '../../model/egress-table.ts';

/** The file that the process runs. */
export const DENIAL_LOG_PROGRAM = fileURLToPath(new URL('./child.ts', import.meta.url));

/** The first call to the process, and what it is to work on. */
export interface OpenRequest {
  /** The gateway's name in event ids. */
  readonly gateway: string;
  readonly accountId: string;
  readonly database: string;
  readonly querySocket: string;
  readonly querySecret: string;
  /** Folder of both spools. */
  readonly spools: string;
  readonly envoyAdminSocket: string;
  readonly rotateLogBytes: number | undefined;
  /** Of each lane. */
  readonly rowsPerSecond: number;
  readonly retentionMs: number;
  readonly maxBytes: number;
  /** Of all lanes, for the terminal. */
  readonly shownPerSecond: number;
  /** The default of queries where undefined. */
  readonly queryTimeLimitMs?: number;
  /** Why the database must not even be opened. */
  readonly mistrusted: string | undefined;
}

/** The tables in force, told as what has changed. */
export interface TableChange {
  readonly changed: readonly EgressTable[];
  readonly gone: readonly string[];
}

/** How far a process has come; one that ends while it works on the database makes that suspect. */
export type LogPhase = 'opening' | 'idle' | 'storing' | 'stored' | 'damaged';

/** Denials for the terminal. */
export interface ShownDenials {
  readonly denials: readonly Denial[];
  /** How many more there were. */
  readonly further: number;
}
