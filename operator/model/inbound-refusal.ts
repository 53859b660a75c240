// What a client is told that may not access a workspace or the account: which address was seen, and why. No list, label
// or other workspace is mentioned.
import type { InboundReason } from './inbound-reason.ts';
import type { IngressPlanSpec } from './ingress-plan.ts';

export interface RefusedClient {
  readonly reason: InboundReason;
  readonly address: string;
  readonly place: RefusedPlace;
}

/** What the client wanted to access. */
export interface RefusedPlace {
  /** "workspace" or "account". */
  readonly kind: string;
  readonly id: string;
}

export function refusedPlace(
  { level, workspaceId }: Pick<IngressPlanSpec, 'level' | 'workspaceId'>,
  accountId: string,
): RefusedPlace {
  return level === 'ACCOUNT' ? { kind: 'account', id: accountId } : { kind: 'workspace', id: workspaceId };
}

/** For programs: the words of Databricks, for which clients look. */
export function refusalMessage({ reason, address, place: { kind, id } }: RefusedClient): string {
  switch (reason) {
    case 'BAD_ADDRESS':
      return `Access to ${kind} ${id} is blocked: the proxy in front names no IP address of the client that can be read`;
    case 'UNKNOWN_HOST':
      return 'There is nothing at this host';
    case 'BAD_REQUEST':
      return 'The proxy in front does not say whose request this is';
    default:
      return `Source IP address: ${address} is blocked by Databricks IP ACL for ${kind}: ${id}`;
  }
}

/** For people: a page of HTML. */
export function refusalPage(client: RefusedClient): string {
  return htmlPage('Access denied', refusalParagraphs(client));
}

export function htmlPage(title: string, paragraphs: readonly string[]): string {
  const text = paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>${text}</html>\n`;
}

function refusalParagraphs(client: RefusedClient): readonly string[] {
  const { reason, address, place } = client;
  const { kind, id } = place;
  const seen = `Your request came from the IP address ${address}.`;
  switch (reason) {
    case 'IN_BLOCK_LIST':
    case 'NOT_IN_ALLOW_LIST':
      return [
        `${seen} An IP access list of ${kind} ${id} blocks it.`,
        `Use a network that is allowed, such as that of your company, or ask an administrator of the ${kind} to allow this address.`,
      ];
    case 'LIST_UNREADABLE':
      return [
        `${seen} An IP access list of ${kind} ${id} cannot be read, and until it is corrected nobody has access.`,
        `Ask an administrator of the ${kind} to correct it.`,
      ];
    case 'BAD_ADDRESS':
      return [`${refusalMessage(client)}.`, `Ask an administrator of the ${kind}, or of the proxy.`];
    default:
      return [`${refusalMessage(client)}.`];
  }
}
