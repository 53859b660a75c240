// One line of Envoy's log -> the Denial it records, or undefined where it records none.
import type { AccessLogLine } from '../../model/access-log-line.ts';
import { isPort, NO_SERVER_NAME, parseAskedHost } from '../../model/authority.ts';
import {
  type Denial,
  type DestinationType,
  NOT_IDENTIFIED,
  type StorageEvent,
  type UnnumberedDenial,
} from '../../model/denial.ts';
import { NETWORK_SOURCE_TYPE, PRODUCTS } from '../../model/product.ts';
import { isDecidedByEntry, type Reason } from '../../model/reason.ts';
import { parseStorageHost } from '../../model/storage-host.ts';
import { findingOf } from './log-finding.ts';

/** A query for the entry that decided on a canonical host, in the table at the revision that decided. */
export interface RuleQuery {
  readonly table: string;
  readonly revision: string;
  readonly host: string;
  /** Null for a DNS question. */
  readonly port: number | null;
  /** Epoch milliseconds of the decision: an entry that had expired by then did not decide. */
  readonly atMs: number;
}

/** Null where no entry covers the host, or the revision is not known. */
export type FindRule = (query: RuleQuery) => string | null;

/** A requested name, in a lane of a table. */
export interface NameQuery {
  readonly table: string;
  readonly lane: string;
  readonly host: string;
  readonly port: number;
  readonly atMs: number;
}

/** Whether the table, as it is now, allows the name at that moment. */
export type IsStillAllowed = (query: NameQuery) => boolean;

export interface LineOrigin {
  readonly accountId: string;
  readonly eventId: string;
}

export function denialOfLine(
  line: AccessLogLine,
  origin: LineOrigin,
  findRule: FindRule,
  isStillAllowed: IsStillAllowed,
): UnnumberedDenial | undefined {
  const finding = findingOf(line);
  if (finding === undefined) return undefined;
  const { context } = line;
  const isQuestion = line.listener === 'dns';
  const { host, port } = isQuestion ? { host: context.authority, port: null } : askedFor(line);
  const described = describeDestination(host, finding.reason);
  const destination = isQuestion ? asQuestion(described, line.rcode) : described;
  const { table, revision } = context;
  const query = { table, revision, host: destination.destination, atMs: Date.parse(line.time) };
  const hasRule = (isQuestion || port !== null) && isDecidedByEntry(finding.reason);
  return {
    ...origin,
    ...finding,
    ...destination,
    ...reasonAndTime(line, finding.reason, { host: destination.destination, port }, isStillAllowed),
    workspaceId: context.workspaceId,
    networkSourceType: sourceTypeOf(context.product),
    workspace: context.workspace,
    product: context.product === '' ? null : context.product,
    policy: context.policy,
    revision,
    rule: hasRule ? findRule({ ...query, port }) : null,
    port,
    sni: sniOf(line, host),
    source: context.source,
    repeats: line.repeats,
    sample: null,
    ...NOT_IDENTIFIED,
    lost: 0,
    protocol: protocolOf(line),
  };
}

/** What was seen of it: a tunnel that was denied before its first bytes, or not inspected, may be anything. */
function protocolOf(line: AccessLogLine): Denial['protocol'] {
  const { listener, chain, method } = line;
  if (listener === 'proxy' && method !== '' && method !== 'CONNECT') return 'HTTP';
  if (listener === 'private-http') return 'HTTP';
  if (chain === 'not-tls') return 'TCP';
  return chain === 'mismatch' || sniOf(line, line.context.authority) !== null ? 'TLS' : null;
}

function sniOf({ sni, listener, decision }: AccessLogLine, host: string): string | null {
  if (sni !== '') return sni;
  const isByName = listener === 'sni-router' || decision.startsWith('sni-router ');
  return isByName && host !== '' ? host : null;
}

/** The line is of the time of closing, and the revocation may have been of another tunnel of the same shard. */
function reasonAndTime(
  { time, durationMs, context: { table, lane } }: AccessLogLine,
  reason: Reason,
  { host, port }: { readonly host: string; readonly port: number | null },
  isStillAllowed: IsStillAllowed,
): Pick<Denial, 'reason' | 'eventTime'> {
  if (reason !== 'DESTINATION_REVOKED') return { reason, eventTime: time };
  const atMs = Date.parse(time) + durationMs;
  const isAllowed = port !== null && isStillAllowed({ table, lane, host, port, atMs });
  return {
    reason: isAllowed ? 'REVOKED_WITH_SHARD' : reason,
    eventTime: new Date(atMs).toISOString(),
  };
}

/** Envoy's prefix for a server name that is not a valid name. */
const INVALID = 'invalid:';
const HTTP_PORT = 80;

interface Asked {
  /** The whole text where it is ambiguous. */
  readonly host: string;
  readonly port: number | null;
}

/** Behind transparent TLS the host is the server name; empty where there was none. */
function askedFor({ listener, method, context: { authority } }: AccessLogLine): Asked {
  return listener === 'sni-router' || listener === 'egress-listener'
    ? askedByTls(authority)
    : splitAuthority(authority, method);
}

/** Whatever the server name, the listener has appended the port. */
function askedByTls(authority: string): Asked {
  const [, name = '', port] = /^(.*):(\d+)$/s.exec(authority) ?? [];
  const host = name.startsWith(INVALID) ? name.slice(INVALID.length) : name;
  return { host: host === NO_SERVER_NAME ? '' : host, port: port === undefined ? null : Number(port) };
}

/** "host:443" or, for plain HTTP, "host"; an ambiguous one stays whole and has no port. */
export function splitAuthority(authority: string, method: string): Asked {
  const [, host = '', digits] = /^(\[[^\]]*\]|[^:]*)(?::([1-9]\d{0,4}))?$/.exec(authority) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (host === '' || (port !== undefined && !isPort(port))) return { host: authority, port: null };
  return { host, port: port ?? (method === 'CONNECT' ? null : HTTP_PORT) };
}

type Described = Pick<Denial, 'destinationType' | 'destination' | 'dnsEvent' | 'storageEvent'>;

function describeDestination(host: string, reason: Reason): Described {
  const parsed = parseAskedHost(host);
  // A destination that was denied for its spelling is recorded as it was spelled.
  const destination = 'name' in parsed && reason !== 'BAD_NAME' ? parsed.name : host;
  const isAddress = 'fault' in parsed && parsed.fault === 'IP_LITERAL';
  const storage = parseStorageHost(destination);
  const type: DestinationType = storage !== undefined ? 'STORAGE' : isAddress ? 'IP' : 'DNS';
  return {
    destinationType: type,
    destination,
    // Denied on the connection: there was no DNS question, so there is no response code.
    dnsEvent: type === 'DNS' && destination !== '' ? { domainName: destination, rcode: null } : null,
    storageEvent: storage === undefined ? null : storageEvent(storage.location ?? destination, reason),
  };
}

/** A bucket's host stays a storage event; anything else in a question is a name, an address too. */
function asQuestion(described: Described, rcode: number | null): Described {
  if (described.storageEvent !== null) return described;
  const { destination } = described;
  return { ...described, destinationType: 'DNS', dnsEvent: { domainName: destination, rcode } };
}

function storageEvent(hostname: string, reason: Reason): StorageEvent {
  return { hostname, path: null, rejectionReason: STORAGE_REJECTIONS[reason] ?? reason };
}

/** Databricks' own terms where they exist. */
const STORAGE_REJECTIONS: Readonly<Partial<Record<Reason, string>>> = {
  BUCKET_NOT_ALLOWED: 'storage-bucket-denied',
  STORAGE_PATH_STYLE: 'storage-bucket-path-denied',
};

function sourceTypeOf(product: string): string | null {
  if (product === '') return null;
  const known = PRODUCTS.find((name) => name === product);
  return known === undefined ? product : NETWORK_SOURCE_TYPE[known];
}
