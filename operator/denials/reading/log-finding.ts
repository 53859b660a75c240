// One line of Envoy's log -> the denial that it reports, if any. One decision is one denial, whichever listeners wrote
// lines about it: a tunnel that the proxy allowed and the tunnel check denied counts only at the tunnel check.
import {
  type AccessLogLine,
  ADDRESS_CLOSING,
  ADDRESS_DENIED_DETAILS,
  ADDRESS_RULE,
  AUTHORITY_DENIED_DETAILS,
  CLIENT_HELLO_TIMEOUT_MS,
  CODEC_DETAILS_PREFIX,
  DROP_PREFIX,
  DRY_RUN_PREFIX,
  OVERLOAD_DETAILS,
  REVOKED_CLOSING,
  TOO_MANY_NAMES_DETAILS,
  UNRESOLVED_DETAIL,
} from '../../model/access-log-line.ts';
import type { AccessType } from '../../model/denial.ts';
import { isReason, type Reason } from '../../model/reason.ts';

export interface Finding {
  readonly accessType: AccessType;
  readonly reason: Reason;
}

export function findingOf(line: AccessLogLine): Finding | undefined {
  return FINDERS[line.listener](line);
}

const FINDERS: Readonly<Record<AccessLogLine['listener'], (line: AccessLogLine) => Finding | undefined>> = {
  proxy: findingOfProxy,
  'sni-router': findingOfSniRouter,
  'egress-listener': (line) => drop(reasonOfListener(line)),
  'tunnel-check': (line) => drop(reasonOfTunnelCheck(line)),
  'address-check': (line) => drop(reasonOfAddressCheck(line)),
  watch: (line) => findingBehindRoutes(line, reasonOfChain(line)),
  pass: (line) => findingBehindRoutes(line, reasonOfRoute(line.decision)),
  'private-http': (line) => drop(reasonOfPrivateHttp(line)),
  dns: findingOfDns,
};

function findingOfProxy(line: AccessLogLine): Finding | undefined {
  if (line.details === AUTHORITY_DENIED_DETAILS) return drop('BAD_NAME');
  if (line.decision.startsWith(DROP_PREFIX)) return drop(line.decision.slice(DROP_PREFIX.length));
  if (line.decision.startsWith(DRY_RUN_PREFIX)) {
    const reason = line.decision.slice(DRY_RUN_PREFIX.length);
    // The tunnel check reports a tunnel that was allowed here.
    if (line.method === 'CONNECT' && line.code === OK) return undefined;
    return drop(reasonAfterRoute(line)) ?? dryRun(reason);
  }
  if (line.details === OVERLOAD_DETAILS) return drop('GATEWAY_OVERLOADED');
  // Of a protocol that no route takes, whatever the host.
  if (line.details === 'upgrade_failed') return drop('BAD_REQUEST');
  return line.decision === '' ? drop(reasonWithoutRoute(line)) : findingOfAllowed(line);
}

function findingOfAllowed(line: AccessLogLine): Finding | undefined {
  return drop(reasonAfterRoute(line)) ?? dryRun(reasonOfRule(line.denyingRule));
}

function reasonAfterRoute(line: AccessLogLine): Reason | undefined {
  return reasonOfFailure(line) ?? (line.details.startsWith(CODEC_DETAILS_PREFIX) ? 'BAD_REQUEST' : undefined);
}

/** Requests of an SNI router are well formed but for the server name. */
function findingOfSniRouter(line: AccessLogLine): Finding | undefined {
  const finding = findingOfProxy(line);
  return finding?.reason === 'BAD_REQUEST' ? drop('BAD_NAME') : finding;
}

/** Envoy's timer may be a little early, by the clock that it writes. */
const SILENT_MS = CLIENT_HELLO_TIMEOUT_MS - 100;

/**
 * A connection that was closed before a decision. A client that closes it without sending anything was not denied;
 * Envoy does not distinguish a client that gave up during its ClientHello from a connection closed for a TLS alert.
 */
function reasonOfListener({
  chain,
  details,
  decision,
  durationMs,
  spoke,
}: AccessLogLine): string | undefined {
  if (decision.startsWith(DROP_PREFIX)) return decision.slice(DROP_PREFIX.length);
  if (chain !== '') return 'TOO_MANY_CONNECTIONS';
  if (details === 'ClientHelloTooLarge') return 'CLIENT_HELLO_TOO_LARGE';
  if (details !== '') return 'NOT_TLS';
  if (durationMs >= SILENT_MS) return 'CLIENT_SILENT';
  return spoke === '' ? undefined : 'NOT_TLS';
}

function findingOfDns({ decision }: AccessLogLine): Finding | undefined {
  if (decision.startsWith(DROP_PREFIX)) return drop(decision.slice(DROP_PREFIX.length));
  return decision.startsWith(DRY_RUN_PREFIX) ? dryRun(decision.slice(DRY_RUN_PREFIX.length)) : undefined;
}

/**
 * The finding of a tunnel check of a dry-run lane when it has opened a tunnel, or could not; `reason` is why it would
 * deny.
 */
function findingBehindRoutes(line: AccessLogLine, reason: Reason | undefined): Finding | undefined {
  const { addressCheck } = line;
  const recorded = dryRun(reason ?? reasonOfRule(addressCheck.denyingRule));
  if (line.type === 'TcpUpstreamConnected') return recorded;
  if (line.type !== 'TcpConnectionEnd') return undefined;
  if (isTurnedAway(line)) return drop('TOO_MANY_NAMES');
  if (addressCheck.reason !== '') return drop(addressCheck.reason);
  // For example, nobody listens there: not a denial of ours.
  return /\b(?:UF|URX)\b/.test(line.flags) ? recorded : undefined;
}

/** What an enforced lane would have denied by this rule, though the routes allowed it. */
function reasonOfRule(rule: string): Reason | undefined {
  return rule === ADDRESS_RULE ? 'ADDRESS_DENIED' : undefined;
}

/** "proxy dry-run:PORT_NOT_ALLOWED": the protocol of the request, and the routes' decision. */
function reasonOfRoute(decision: string): Reason | undefined {
  const [, name = ''] = decision.split(' ');
  const reason = name.startsWith(DRY_RUN_PREFIX) ? name.slice(DRY_RUN_PREFIX.length) : '';
  return isReason(reason) ? reason : undefined;
}

const OK = 200;
const BAD_REQUEST = 400;
const REQUEST_TIMEOUT = 408;
const HEADERS_TOO_LARGE = 431;

/** Envoy rejected the request before any route. */
function reasonWithoutRoute(line: AccessLogLine): Reason | undefined {
  if (line.details === 'http1.https_url_on_plaintext_connection') return 'HTTPS_WITHOUT_CONNECT';
  if (line.code === HEADERS_TOO_LARGE) return 'HEADERS_TOO_LARGE';
  if (line.code === REQUEST_TIMEOUT) return 'CLIENT_SILENT';
  return line.code >= BAD_REQUEST ? 'BAD_REQUEST' : undefined;
}

function reasonOfTunnelCheck(line: AccessLogLine): Reason | undefined {
  if (line.chain !== 'allow') return reasonOfChain(line);
  if (hasNoAddress(line)) return 'UNRESOLVED_OR_PRIVATE';
  if (line.closing === ADDRESS_CLOSING) return 'ADDRESS_DENIED';
  if (isTurnedAway(line)) return 'TOO_MANY_NAMES';
  return line.closing === REVOKED_CLOSING ? 'DESTINATION_REVOKED' : undefined;
}

function reasonOfPrivateHttp(line: AccessLogLine): Reason | undefined {
  return line.details.includes(REVOKED_CLOSING) ? 'DESTINATION_REVOKED' : reasonOfFailure(line);
}

function reasonOfAddressCheck(line: AccessLogLine): Reason | undefined {
  if (hasNoAddress(line)) return 'UNRESOLVED_OR_PRIVATE';
  return isAddressDenied(line) ? 'ADDRESS_DENIED' : undefined;
}

/** Envoy does not distinguish a name without an address from one with a denied address here. */
function hasNoAddress({ flags }: AccessLogLine): boolean {
  return flags.split(',').includes('UH');
}

function isAddressDenied({ details }: AccessLogLine): boolean {
  return ADDRESS_DENIED_DETAILS.some((detail) => details.includes(detail));
}

function reasonOfChain(line: AccessLogLine): Reason | undefined {
  if (line.chain === 'not-tls') return 'NOT_TLS';
  if (line.chain !== 'mismatch') return undefined;
  return line.sni === '' ? 'NO_SNI' : 'SNI_MISMATCH';
}

/** Requests that routes allowed, and that were denied all the same. */
function reasonOfFailure(line: AccessLogLine): Reason | undefined {
  if (isAddressDenied(line)) return 'ADDRESS_DENIED';
  if (hasTooManyNames(line)) return 'TOO_MANY_NAMES';
  return line.details.startsWith(UNRESOLVED_DETAIL) ? 'UNRESOLVED_OR_PRIVATE' : undefined;
}

function hasTooManyNames({ details }: AccessLogLine): boolean {
  return TOO_MANY_NAMES_DETAILS.includes(details);
}

/**
 * A tunnel check closes such a connection before it resolves anything, without a reason in its line. While it resolves
 * Envoy does not read from the client, so one that leaves meanwhile is not noticed before.
 */
function isTurnedAway({ type, resolved, flags, closing }: AccessLogLine): boolean {
  return type === 'TcpConnectionEnd' && resolved === 'false' && flags === '' && closing === '';
}

function drop(reason: string | undefined): Finding | undefined {
  return reason !== undefined && isReason(reason) ? { accessType: 'DROP', reason } : undefined;
}

function dryRun(reason: string | undefined): Finding | undefined {
  return reason !== undefined && isReason(reason) ? { accessType: 'DRY_RUN_DENIAL', reason } : undefined;
}
