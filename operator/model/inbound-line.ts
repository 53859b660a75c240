// The line that an ingress Envoy, /authorize and the API write for each request, allowed or denied: the contract
// between them and what reads their logs. Parsing never throws: a line that is not ours is undefined, and the reader
// counts it.
import { z } from 'zod';
import { TRUNCATION_MARK, WRITTEN_AUTHORITY_BYTES } from './access-log-line.ts';
import { INBOUND_REASONS, type InboundReason, isInboundReason } from './inbound-reason.ts';

/** An ingress gateway, the check for proxies of others, the REST API. */
const INBOUND_LISTENERS = ['ingress', 'authorize', 'api'] as const;
export type InboundListener = (typeof INBOUND_LISTENERS)[number];

/**
 * Name of the spool of /authorize and the API, beside Envoy's: two processes that append to one file could tear each
 * other's lines.
 */
export const OWN_LOG = 'servers';

/**
 * Bytes that a line holds of what clients write, so that no client decides its length: Envoy's formatters take these
 * numbers, as in %REQ(:METHOD):20%.
 */
export const INBOUND_TEXT_BYTES = { host: WRITTEN_AUTHORITY_BYTES, method: 20, path: 1024 } as const;

/** Stands for a client whose address cannot be read; an address of the discard-only block of RFC 6666. */
export const UNREADABLE_CLIENT = '100::1';

/** What decided: a reason, and the list where one contains the address. */
export interface InboundRule {
  readonly reason: InboundReason;
  readonly listId?: string;
}

/**
 * The name of a rule: of an RBAC action in Envoy, and the value of `enforced` and `shadow` in a line. "IN_BLOCK_LIST:x"
 * for the list x, "NOT_IN_ALLOW_LIST" where no list contains the address.
 */
export function inboundRuleName({ reason, listId }: InboundRule): string {
  return listId === undefined ? reason : `${reason}:${listId}`;
}

/** Undefined where no rule decided, since the lists do not apply. */
function parseRule(name: string): InboundRule | undefined {
  const [, reason = '', listId] = /^([A-Z_]+)(?::(.+))?$/.exec(name) ?? [];
  if (!isInboundReason(reason)) return undefined;
  return listId === undefined ? { reason } : { reason, listId };
}

/**
 * Whether a rule denies. Envoy's own status is no proof of it, since a server behind it may answer 403 too.
 */
export function isDenying({ reason }: InboundRule): boolean {
  return INBOUND_REASONS[reason] === 'DENY';
}

const text = z
  .string()
  .nullish()
  .transform((value) => (value === '-' ? '' : (value ?? '')));

const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0);

const rule = text.transform(parseRule);

const bounded = (bytes: number) => text.transform((value) => truncate(value, bytes));

const inboundLineSchema = z.object({
  listener: z.enum(INBOUND_LISTENERS),
  /** Strict, since the store rejects a whole batch for one time that it cannot read. */
  time: z.iso.datetime(),
  /** Namespace; empty where no workspace has the host. */
  workspace: text,
  /** Empty at level ACCOUNT. */
  workspaceId: text,
  level: z
    .enum(['WORKSPACE', 'ACCOUNT'])
    .nullish()
    .catch(null)
    .transform((value) => value ?? 'WORKSPACE'),
  /** Of the plan that decided. */
  revision: text,
  /** The rule that decided, inboundRuleName(). In Envoy: metadata of its RBAC filter, enforced_effective_policy_id. */
  enforced: rule,
  /** What would have decided with the lists in dry-run: shadow_effective_policy_id. */
  shadow: rule,
  /** Address of the client as decided, without a port. */
  source: text,
  /** Address at the other end of the connection: a proxy's, or the client's own. */
  peer: text,
  /** Status of the answer; 0 where there is none. */
  code: count,
  details: text,
  closing: text,
  protocol: text,
  durationMs: count,
  bytesReceived: count,
  bytesSent: count,
  /** How many requests the line counts. */
  repeats: z
    .int()
    .positive()
    .nullish()
    .transform((value) => value ?? 1),
  /** Whom the API authenticated. */
  user: bounded(253),
  /** What the client asked for; from here on each text is the client's, and has a maximum length. */
  host: bounded(INBOUND_TEXT_BYTES.host),
  method: bounded(INBOUND_TEXT_BYTES.method),
  path: text.transform(withoutQuery).transform((value) => truncate(value, INBOUND_TEXT_BYTES.path)),
});

export type InboundLine = Readonly<z.infer<typeof inboundLineSchema>>;

/** What a writer gives, with rules as inboundRuleName() writes them. */
export type WrittenInboundLine = Readonly<z.input<typeof inboundLineSchema>>;

export function parseInboundLine(line: string): InboundLine | undefined {
  const parsed = inboundLineSchema.safeParse(parseJson(line));
  return parsed.success ? parsed.data : undefined;
}

/** A line of our own servers, without its newline: bounded, and what clients write comes last. */
export function formatInboundLine(line: WrittenInboundLine): string {
  const { user, host, method, path, ...ours } = line;
  return JSON.stringify({
    ...ours,
    user: truncate(user ?? '', 253),
    host: truncate(host ?? '', INBOUND_TEXT_BYTES.host),
    method: truncate(method ?? '', INBOUND_TEXT_BYTES.method),
    path: truncate(withoutQuery(path ?? ''), INBOUND_TEXT_BYTES.path),
  });
}

/** A query may hold tokens, which must be in no log. */
function withoutQuery(path: string): string {
  return path.replace(/[?#].*$/s, '');
}

/** At most so many bytes, and the mark where there were more. */
function truncate(value: string, bytes: number): string {
  if (value.length * 3 <= bytes) return value;
  const encoded = Buffer.from(value);
  if (encoded.length <= bytes) return value;
  const kept = encoded.toString('utf8', 0, bytes - Buffer.byteLength(TRUNCATION_MARK));
  return kept.replace(/\uFFFD+$/, '') + TRUNCATION_MARK;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
