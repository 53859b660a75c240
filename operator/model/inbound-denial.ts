// One denied request (in dry-run: one that would have been denied), as people query it. The first nine fields are the
// columns of system.access.inbound_network as far as they are known; the rest is what that table lacks: which list and
// entry, why, and where in the log.
import type { InboundListener } from './inbound-line.ts';
import type { InboundReason } from './inbound-reason.ts';

export type PolicyOutcome = 'DENY' | 'DENY_DRY_RUN';

export interface InboundDenial {
  readonly accountId: string;
  /** Null at the level of the account, and where no workspace has the host. */
  readonly workspaceId: string | null;
  /** "<gateway>/<log file>/<byte offset>": the same line read twice has the same id. */
  readonly eventId: string;
  /** UTC, ISO 8601 with milliseconds or finer. */
  readonly eventTime: string;
  /** Address of the client as decided; null where nobody knows it. */
  readonly source: { readonly ip: string | null };
  /** Without the query; null where the request is not known, as within TLS that is passed through. */
  readonly requestPath: string | null;
  /** Null where nobody was authenticated, which is usual: the network comes first. */
  readonly authenticatedAs: string | null;
  readonly policyOutcome: PolicyOutcome;
  /** Label of the list that decided; null where none contains the address. */
  readonly ruleLabel: string | null;
  /** Namespace that is the workspace, or the system's for the account; null where no workspace has the host. */
  readonly workspace: string | null;
  readonly listId: string | null;
  /** As written in the list; null where none contains the address, or the revision is not known. */
  readonly entry: string | null;
  readonly reason: InboundReason;
  readonly host: string | null;
  readonly method: string | null;
  /** Of the answer; null where there was none. */
  readonly status: number | null;
  readonly protocol: string | null;
  readonly listener: InboundListener;
  /** Address at the other end of the connection, where that is a proxy's; else null. */
  readonly proxy: string | null;
  /** Revision of the plan that decided. */
  readonly revision: string | null;
  /** Number among the rows of its gateway (numberRows()). */
  readonly sequence: number;
  /** How many denials the row stands for: 1, or more where a workspace had too many in one second. */
  readonly repeats: number;
  /** Some of the addresses, where the row stands for several; then `source.ip` is "*". */
  readonly sample: readonly string[] | null;
  /** How many denials the row says were not kept; 0 in a row for denials. */
  readonly lost: number;
}

/** Not numbered yet, since several may become one row. */
export type UnnumberedInboundDenial = Omit<InboundDenial, 'sequence'>;
