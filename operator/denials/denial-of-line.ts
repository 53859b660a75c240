// One line of Envoy's log -> the Denial it records, or undefined where it records none.
import type { AccessLogLine } from '../model/access-log-line.ts';
import type { Denial, DestinationType, StorageEvent } from '../model/denial.ts';
import { parseDomainName } from '../model/domain-name.ts';
import { NETWORK_SOURCE_TYPE, PRODUCTS } from '../model/product.ts';
import { isDecidedByEntry, type Reason } from '../model/reason.ts';
import { parseStorageHost } from '../model/storage-destination.ts';
import { findingOf } from './log-finding.ts';

/** What one looks for: the entry that decided about a canonical host, in the table at the revision that decided. */
export interface RuleQuery {
  readonly table: string;
  readonly revision: string;
  readonly host: string;
  readonly port: number;
  /** Epoch milliseconds of the decision: an entry that had expired by then did not decide. */
  readonly atMs: number;
}

/** Null where no entry covers the host, or the revision is not known. */
export type FindRule = (query: RuleQuery) => string | null;

export interface LineOrigin {
  readonly accountId: string;
  readonly eventId: string;
  readonly sequence: number;
}

export function denialOfLine(
  line: AccessLogLine,
  origin: LineOrigin,
  findRule: FindRule,
): Denial | undefined {
  const finding = findingOf(line);
  if (finding === undefined) return undefined;
  const { context } = line;
  const { host, port } = splitAuthority(context.authority, line.method);
  const destination = describeDestination(host, finding.reason);
  const { table, revision } = context;
  const query = { table, revision, host: destination.destination, atMs: Date.parse(line.time) };
  return {
    ...origin,
    ...finding,
    ...destination,
    workspaceId: context.workspaceId,
    eventTime: line.time,
    networkSourceType: sourceTypeOf(context.product),
    workspace: context.workspace,
    product: context.product === '' ? null : context.product,
    policy: context.policy,
    revision,
    rule: port === null || !isDecidedByEntry(finding.reason) ? null : findRule({ ...query, port }),
    port,
    sni: line.sni === '' ? null : line.sni,
    source: context.source,
  };
}

const HTTP_PORT = 80;

/** "host:443" or, for plain HTTP, "host"; an unreadable authority keeps its text and has no port. */
export function splitAuthority(
  authority: string,
  method: string,
): { readonly host: string; readonly port: number | null } {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority) ?? [];
  if (host === '') return { host: authority, port: null };
  if (port !== undefined) return { host, port: Number(port) };
  return { host, port: method === 'CONNECT' ? null : HTTP_PORT };
}

type Described = Pick<Denial, 'destinationType' | 'destination' | 'dnsEvent' | 'storageEvent'>;

function describeDestination(host: string, reason: Reason): Described {
  const parsed = parseDomainName(host);
  const destination = 'name' in parsed ? parsed.name : host;
  const isAddress = 'fault' in parsed && parsed.fault === 'IP_LITERAL';
  const storage = parseStorageHost(destination);
  const type: DestinationType = storage !== undefined ? 'STORAGE' : isAddress ? 'IP' : 'DNS';
  return {
    destinationType: type,
    destination,
    // Refused on the connection: no question was asked, so there is no answer code.
    dnsEvent: type === 'DNS' ? { domainName: destination, rcode: null } : null,
    storageEvent: storage === undefined ? null : storageEvent(storage.location ?? destination, reason),
  };
}

function storageEvent(hostname: string, reason: Reason): StorageEvent {
  return { hostname, path: null, rejectionReason: STORAGE_REJECTIONS[reason] ?? reason };
}

/** Databricks' own words where they exist (requirements 2.3). */
const STORAGE_REJECTIONS: Readonly<Partial<Record<Reason, string>>> = {
  BUCKET_NOT_ALLOWED: 'storage-bucket-denied',
  STORAGE_PATH_STYLE: 'storage-bucket-path-denied',
};

function sourceTypeOf(product: string): string | null {
  if (product === '') return null;
  const known = PRODUCTS.find((name) => name === product);
  return known === undefined ? product : NETWORK_SOURCE_TYPE[known];
}
