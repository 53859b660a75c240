// What a client is told that may not access a workspace: which address was seen, and why. No list, label or other
// workspace is mentioned.
import type { InboundReason } from './inbound-reason.ts';

export interface RefusedClient {
  readonly reason: InboundReason;
  readonly address: string;
  readonly workspaceId: string;
}

/** As Databricks says it; clients look for this. */
export function refusalMessage({ reason, address, workspaceId }: RefusedClient): string {
  switch (reason) {
    case 'LIST_UNREADABLE':
      return `Source IP address: ${address} is blocked: an IP access list of workspace ${workspaceId} cannot be read, and until it is corrected nobody has access`;
    case 'BAD_ADDRESS':
      return `Access to workspace ${workspaceId} is blocked: the proxy in front names no IP address of the client that can be read`;
    case 'UNKNOWN_HOST':
      return 'There is nothing at this host';
    case 'BAD_REQUEST':
      return 'The proxy in front does not say whose request this is';
    default:
      return `Source IP address: ${address} is blocked by Sallyport IP ACL for workspace: ${workspaceId}`;
  }
}
