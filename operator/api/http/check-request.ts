// What a request is before anybody looks at its path: one host, one token, one workspace. What two readers could read
// differently is refused.
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../api-error.ts';

/** Headers that say who asks whom. */
const WORKSPACE = ['x-databricks-workspace-id', 'x-databricks-org-id'];
const ONCE = ['host', 'authorization', ...WORKSPACE];
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/i;

export interface RequestHead {
  /** Lower case, without a port and a final dot. */
  readonly host: string;
  readonly workspace: string | undefined;
  readonly authorization: string | undefined;
  readonly forwardedFor: readonly string[];
}

/** Throws an ApiError. */
export function readHead(request: IncomingMessage): RequestHead {
  const values = valuesByName(request.rawHeaders);
  const twice = ONCE.find((name) => (values.get(name)?.length ?? 0) > 1);
  if (twice !== undefined) throw refused(`the header "${twice}" stands there twice`);
  if (request.url?.startsWith('/') !== true) throw refused('its target is a whole URL; send the path only');
  return {
    host: readHost(values.get('host')?.[0] ?? ''),
    workspace: readWorkspace(values),
    authorization: values.get('authorization')?.[0],
    forwardedFor: values.get('x-forwarded-for') ?? [],
  };
}

function readHost(header: string): string {
  const host = HOST.exec(header)?.[1];
  if (host === undefined) throw refused('its header "host" names no host');
  return host.toLowerCase().replace(/\.$/, '');
}

function readWorkspace(values: ReadonlyMap<string, readonly string[]>): string | undefined {
  const named = new Set(WORKSPACE.flatMap((name) => values.get(name) ?? []));
  if (named.size > 1) throw refused('its headers name two workspaces');
  return [...named][0];
}

function refused(detail: string): ApiError {
  return new ApiError('INVALID_REQUEST', `Cannot accept this request: ${detail}`);
}

function valuesByName(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    values.set(name, [...(values.get(name) ?? []), rawHeaders[at + 1] ?? '']);
  }
  return values;
}
