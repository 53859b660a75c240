// What is decided about a client that wants to access a workspace.
const INGRESS_REASONS = [
  'LISTS_DISABLED',
  'NO_ALLOW_LIST',
  'IN_ALLOW_LIST',
  'IN_BLOCK_LIST',
  'NOT_IN_ALLOW_LIST',
  'LIST_UNREADABLE',
  'BAD_ADDRESS',
] as const;
export type IngressReason = (typeof INGRESS_REASONS)[number];

/** The entry that decided. */
export interface IngressMatch {
  readonly listId: string;
  readonly label: string;
  /** As written in the list. */
  readonly entry: string;
}

export interface IngressVerdict {
  readonly isAllowed: boolean;
  readonly reason: IngressReason;
  /** Of IN_ALLOW_LIST and IN_BLOCK_LIST. */
  readonly match?: IngressMatch;
}

export interface IngressDecision extends IngressVerdict {
  /** What would be decided if lists in DRY_RUN were enforced; only where that differs in being denied. */
  readonly wouldDeny?: IngressVerdict;
}
