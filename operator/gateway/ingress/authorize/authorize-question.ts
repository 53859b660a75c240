// The head of a proxy's request -> what it asks: which workspace, which client, and for the log the client's request.
// A path never names a workspace: Envoy appends the client's own path to that of its question.
import { type AddressRange, rangesContain } from '../../../model/address-range.ts';
import { parseAskedHost } from '../../../model/authority.ts';
import { type ForwardedClient, forwardedClient } from '../../../model/forwarded-client.ts';

export interface AuthorizeHead {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly peer: string;
  /** Every value, by lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export interface AuthorizeQuestion {
  /** Of the query: name or id, from the proxy's own configuration. */
  readonly workspace: string | undefined;
  /** What the proxy says the client asked for; without such a header, Host. */
  readonly host: AskedHost;
  readonly client: ForwardedClient;
  readonly method: string;
  readonly path: string;
}

/** A canonical name. */
type AskedHost = { readonly name: string } | { readonly fault: string };

const PATH = '/authorize';

/** Undefined: not a question. A fault: what the proxy says is ambiguous. */
export function readQuestion(
  head: AuthorizeHead,
  trusted: readonly AddressRange[],
): AuthorizeQuestion | { readonly fault: string } | undefined {
  const [asked = '', query = ''] = splitOnce(head.url, '?');
  const rest = restOf(asked);
  if (rest === undefined) return undefined;
  const workspaces = rest === '' ? new URLSearchParams(query).getAll('workspace') : [];
  if (!rangesContain(trusted, head.peer)) return { fault: `"${head.peer}" is not a trusted proxy` };
  if (workspaces.length > 1) return { fault: 'the query names two workspaces' };
  return {
    workspace: workspaces[0],
    host: askedHost(head),
    client: forwardedClient(
      { forwardedFor: valuesOf(head, 'x-forwarded-for'), realIp: valuesOf(head, 'x-real-ip') },
      trusted,
    ),
    method: firstOf(head, ['x-forwarded-method', 'x-original-method']) ?? head.method,
    path: rest === '' ? originalPath(head) : rest,
  };
}

/** Behind "/authorize": empty, or the client's path, as Envoy's ext_authz appends it. */
function restOf(path: string): string | undefined {
  if (path === PATH) return '';
  return path.startsWith(`${PATH}/`) ? path.slice(PATH.length) : undefined;
}

function originalPath(head: AuthorizeHead): string {
  const text = firstOf(head, ['x-forwarded-uri', 'x-original-uri']);
  return text ?? /^[a-z]+:\/\/[^/]*(\/.*)$/is.exec(firstOf(head, ['x-original-url']) ?? '')?.[1] ?? '';
}

function askedHost(head: AuthorizeHead): AskedHost {
  const forwarded = [
    ...valuesOf(head, 'x-forwarded-host'),
    ...valuesOf(head, 'x-original-url').map((url) => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1] ?? url),
  ];
  const texts = forwarded.length > 0 ? forwarded : valuesOf(head, 'host');
  const [name, ...others] = new Set(texts.map((text) => hostOf(text) ?? ''));
  if (name === undefined || name === '' || others.length > 0)
    return { fault: `the proxy must name one host, and names "${texts.join('" and "').slice(0, 200)}"` };
  return { name };
}

/** The canonical name of "name" or "name:port". */
export function hostOf(text: string): string | undefined {
  const [, name = ''] = /^([^:]*)(?::\d{1,5})?$/.exec(text.trim()) ?? [];
  const parsed = parseAskedHost(name);
  return 'name' in parsed ? parsed.name : undefined;
}

export function valuesOf({ headers }: AuthorizeHead, name: string): readonly string[] {
  return headers[name] ?? [];
}

function firstOf(head: AuthorizeHead, names: readonly string[]): string | undefined {
  return names.flatMap((name) => valuesOf(head, name))[0];
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
