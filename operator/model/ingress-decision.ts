// What is decided about a client that wants to access a workspace, and the sentence for it.
export const INGRESS_REASONS = [
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

/** Why, for the person at that address; R91-R93. */
export function ingressSentence({ reason, match }: IngressVerdict, address: string): string {
  const at = match === undefined ? '' : `"${match.entry}" of the list "${match.label}"`;
  switch (reason) {
    case 'IN_BLOCK_LIST':
      return `Your address ${address} is blocked by ${at}.`;
    case 'NOT_IN_ALLOW_LIST':
      return `Your address ${address} is in none of the allow lists of this workspace.`;
    case 'LIST_UNREADABLE':
      return `Nobody may access this workspace until its unreadable IP access list is corrected; your address is ${address}.`;
    case 'BAD_ADDRESS':
      return `Your address "${address}" cannot be read.`;
    case 'IN_ALLOW_LIST':
      return `Your address ${address} is allowed by ${at}.`;
    default:
      return `Your address ${address} is allowed.`;
  }
}
