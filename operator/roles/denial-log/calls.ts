// Calls between `sallyport run` and the process of its denial log. Everything is plain data.
import { fileURLToPath } from 'node:url';
import type { Denial } from '../../model/denial.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { IngressPlan } from '../../model/ingress-plan.ts';
import type { InboundPlace } from '../shared/inbound-log.ts';

/** The file that the process runs. */
export const DENIAL_LOG_PROGRAM = fileURLToPath(new URL('./child.ts', import.meta.url));

/** The first call to the process, with its configuration. */
export interface OpenRequest {
  /** The gateway's name in event ids. */
  readonly gateway: string;
  readonly accountId: string;
  readonly database: string;
  readonly querySocket: string;
  readonly querySecret: string;
  /** Folder of the spools of egress. */
  readonly spools: string;
  readonly inbound: InboundRequest;
  readonly envoyAdminSocket: string;
  readonly rotateLogBytes: number | undefined;
  /** Of the spools of each direction. */
  readonly spoolBytes: number;
  /** Of each lane. */
  readonly rowsPerSecond: number;
  readonly retentionMs: number;
  readonly maxBytes: number;
  /** Of all lanes, for the terminal. */
  readonly shownPerSecond: number;
  /** The default of queries where undefined. */
  readonly queryTimeLimitMs?: number;
  /** Why the database must not be opened. */
  readonly mistrusted: string | undefined;
}

/** Where the log of requests from outside is. */
interface InboundRequest extends InboundPlace {
  readonly envoyAdminSocket: string;
}

/** A change of the ingress plans in force. */
export interface PlanChange {
  readonly changed: readonly IngressPlan[];
  readonly gone: readonly string[];
}

/** A change of the tables in force. */
export interface TableChange {
  readonly changed: readonly EgressTable[];
  readonly gone: readonly string[];
}

/** Phase of a process; one that ends while it works on the database makes that suspect, unless the disk was full. */
export type LogPhase = 'opening' | 'idle' | 'storing' | 'stored' | 'damaged' | 'disk full';

/** Denials for the terminal. */
export interface ShownDenials<Row = Denial> {
  readonly denials: readonly Row[];
  /** How many more there were. */
  readonly further: number;
}
