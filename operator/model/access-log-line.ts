// The line that Envoy, or our own DNS, writes for each decision: the contract between them and what reads their logs.
// Parsing never throws: a line that is not ours is undefined, and the reader counts it.
import { z } from 'zod';
import { LONGEST_AUTHORITY_BYTES } from './limits.ts';
import { REASON_HEADER } from './reason.ts';

/**
 * Who wrote the line: the proxy, the SNI router behind transparent TLS, an egress listener about a connection that it
 * closed before either of them saw it, a tunnel check, the address check behind one, the two tunnel checks of dry-run
 * lanes, the one for private HTTP, and the DNS.
 */
const LOG_LISTENERS = [
  'proxy',
  'sni-router',
  'egress-listener',
  'tunnel-check',
  'address-check',
  'watch',
  'pass',
  'private-http',
  'dns',
] as const;
type LogListener = (typeof LOG_LISTENERS)[number];
export type EnvoyListener = Exclude<LogListener, 'dns'>;

/**
 * Parts of the context, separated by "|"; the authority comes last since only it is the client's text. The product is
 * empty where pods share their lane's port. The revision comes first: all that follows is one text, which an egress
 * listener hands to a listener behind it.
 */
export const CONTEXT_PARTS = [
  'revision',
  'workspace',
  'workspaceId',
  'product',
  'lane',
  'policy',
  'table',
  'source',
  'authority',
] as const;

export type LineContext = Readonly<Record<(typeof CONTEXT_PARTS)[number], string>>;

/**
 * Bytes of an authority that a line holds, so that no client decides its length. One byte more than the longest valid
 * authority, so that a truncated one shows.
 */
export const WRITTEN_AUTHORITY_BYTES = LONGEST_AUTHORITY_BYTES + 1;

/** Stands for the rest of a truncated authority. */
export const TRUNCATION_MARK = '…';

/** Filter chains of a tunnel check: the server name is the host, it is not, there is no TLS. */
export const CHAINS = ['allow', 'mismatch', 'not-tls'] as const;
export type Chain = (typeof CHAINS)[number];

/** Routes are named by the decision they are: "allow", "drop:PORT_NOT_ALLOWED", "dry-run:PORT_NOT_ALLOWED". */
export const ALLOW_DECISION = 'allow';
export const DROP_PREFIX = 'drop:';
export const DRY_RUN_PREFIX = 'dry-run:';

/**
 * Envoy's reason where it closes the connections of a filter chain that has changed: the tunnels that a check closes.
 */
export const REVOKED_CLOSING = 'filter_chain_is_being_removed';

/** How long a client of transparent TLS may take to send its server name. */
export const CLIENT_HELLO_TIMEOUT_MS = 5000;

/** Name of the RBAC rule of the address guard's second layer. */
export const ADDRESS_RULE = 'address';

/** Name of the RBAC rule that denies a request whose authority is ambiguous. */
export const AUTHORITY_RULE = 'authority';

/** Envoy's response code details of that, whatever route the request would have met. */
export const AUTHORITY_DENIED_DETAILS = `rbac_access_denied_matched_policy[${AUTHORITY_RULE}]`;

/** Parts of Envoy's response code details where the address guard denied: its first layer, and its second. */
export const ADDRESS_DENIED_DETAILS: readonly string[] = [
  '{address_denied}',
  `rbac_access_denied_matched_policy[${ADDRESS_RULE}]`,
];

/** Envoy's reason where the second layer of the address guard closes a TLS tunnel. */
export const ADDRESS_CLOSING = 'rbac_deny_close';

/** Start of Envoy's response code details where the name of a plain HTTP request has no address. */
export const UNRESOLVED_DETAIL = 'dns_resolution_failure';

/** Envoy's response code details where a name was not resolved: the cache is full, or too many wait for an answer. */
export const TOO_MANY_NAMES_DETAILS: readonly string[] = [
  'dns_cache_overflow',
  'dynamic_forward_proxy_pending_request_overflow',
];

/** Start of Envoy's response code details where it could not parse a request, or a body whose head it had routed. */
export const CODEC_DETAILS_PREFIX = 'http1.';

/** Envoy's response code details where it has too little memory left for a request. */
export const OVERLOAD_DETAILS = 'overload';

const text = z
  .string()
  .nullish()
  .transform((value) => (value === '-' ? '' : (value ?? '')));

/** In the answer of an address check of a dry-run lane: the rule by which an enforced lane would have denied. */
export const DENYING_RULE_HEADER = 'x-sallyport-denying-rule';

/** Headers as Envoy writes filter state of its tunnels. */
const addressCheckAnswerSchema = z
  .object({ headers: z.array(z.object({ key: z.string(), value: z.string() })) })
  .nullish()
  .catch(null)
  .transform((answer) => {
    const valueOf = (name: string): string => answer?.headers.find(({ key }) => key === name)?.value ?? '';
    return { reason: valueOf(REASON_HEADER), denyingRule: valueOf(DENYING_RULE_HEADER) };
  });

/** Lines that an earlier version wrote are read after an upgrade. */
const FORMER_LISTENERS: Readonly<Record<string, LogListener>> = {
  twin: 'sni-router',
  entrance: 'egress-listener',
  guard: 'tunnel-check',
  gate: 'address-check',
};

const lineSchema = z.object({
  listener: z.preprocess((name) => FORMER_LISTENERS[String(name)] ?? name, z.enum(LOG_LISTENERS)),
  context: text,
  /** Strict, since the store rejects a whole batch for one time that it cannot read. */
  time: z.iso.datetime(),
  type: text,
  method: text,
  code: z
    .number()
    .nullish()
    .transform((value) => value ?? 0),
  details: text,
  decision: text,
  chain: text,
  flags: text,
  closing: text,
  sni: text,
  /** "false" at a tunnel check that never resolved the name. */
  resolved: text,
  upstream: text,
  /** "yes" at an egress listener where the client sent something. */
  spoke: text,
  /**
   * Of the address check behind a tunnel check of a dry-run lane: why it denied, and by which rule an enforced lane would
   * have; empty where not.
   */
  addressCheck: addressCheckAnswerSchema,
  /** At the proxy of a dry-run lane: the rule by which an enforced lane would have denied the address. */
  denyingRule: text,
  /** Of a DNS answer. */
  rcode: z
    .number()
    .nullish()
    .transform((value) => value ?? null),
  durationMs: z
    .number()
    .nullish()
    .transform((value) => value ?? 0),
  /** How many connections or questions the line counts, where each could not have a line of its own. */
  repeats: z
    .int()
    .positive()
    .nullish()
    .transform((value) => value ?? 1),
});

export interface AccessLogLine extends Readonly<Omit<z.infer<typeof lineSchema>, 'context'>> {
  readonly context: LineContext;
}

export function parseAccessLogLine(line: string): AccessLogLine | undefined {
  const parsed = lineSchema.safeParse(parseJson(line));
  if (!parsed.success) return undefined;
  const context = parseContext(parsed.data.context);
  return context === undefined ? undefined : { ...parsed.data, context };
}

function parseContext(joined: string): LineContext | undefined {
  const parts = joined.split('|');
  const last = CONTEXT_PARTS.length - 1;
  if (parts.length <= last) return undefined;
  const values = [...parts.slice(0, last), parts.slice(last).join('|')];
  const entries = CONTEXT_PARTS.map((part, at) => [part, values[at] === '-' ? '' : values[at]] as const);
  const context = Object.fromEntries(entries) as LineContext;
  return { ...context, authority: withMark(context.authority) };
}

/** A byte that is not UTF-8 takes four characters in a line, so such a text may be truncated here. */
function withMark(authority: string): string {
  const bytes = Buffer.from(authority);
  if (bytes.length <= LONGEST_AUTHORITY_BYTES) return authority;
  return bytes.toString('utf8', 0, LONGEST_AUTHORITY_BYTES) + TRUNCATION_MARK;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
