// decide(): the executable meaning of a table. Envoy's configuration is rendered from the same table, and a test sends
// every case through both. It decides by names only; the address guard decides by addresses.
import { isPort, NO_SERVER_NAME, parseAskedHost } from '../model/authority.ts';
import { ECH_OUTER_NAMES } from '../model/domain-name.ts';
import type { DestinationGroup } from '../model/egress-table.ts';
import { isDryRun, isSealed, type Lane } from '../model/lane.ts';
import type { PortProtocol } from '../model/network-policy.ts';
import { isDeniedAlways, type Reason } from '../model/reason.ts';
import { isMetadataHost } from '../model/special-address.ts';
import { parseStorageHost } from '../model/storage-host.ts';
import { isBlock, type Match, matchesOf, type TableIndex } from './table-index.ts';

/** What a client asks of the gateway. */
export type EgressRequest =
  | { readonly via: 'HTTP'; readonly host: string; readonly port: number }
  | {
      readonly via: 'CONNECT';
      readonly host: string;
      readonly port: number;
      /** The first bytes inside the tunnel; `sni` is null where the ClientHello names no server. */
      readonly inside: { readonly kind: 'TLS'; readonly sni: string | null } | { readonly kind: 'OTHER' };
    };

/** TLS of a client that does not use the proxy. */
export interface TransparentRequest {
  readonly via: 'TLS';
  readonly sni: string | null;
  readonly port: number;
}

/** The entry that decided: list, entry as compiled, and the object it stands in. */
export interface Rule {
  readonly list: DestinationGroup['list'];
  readonly entry: string;
  readonly source: string;
}

export interface Decision {
  readonly verdict: 'ALLOW' | 'DROP' | 'DRY_RUN_DENIAL';
  readonly reason: Reason;
  readonly rule?: Rule;
}

/**
 * Precedence: full access; what is no host with a port; cloud metadata; a table that denies all; blocked entries;
 * allowed entries; sealed lane; port and protocol; the bytes inside the tunnel.
 */
export function decide(index: TableIndex, lane: Lane, request: EgressRequest | TransparentRequest): Decision {
  if (lane === 'full') return FULL_ACCESS;
  if (request.via !== 'TLS') {
    return request.host === NO_SERVER_NAME ? UNNAMED : verdictOn(find(index, lane, request), lane);
  }
  const { sni, port } = request;
  if (sni === null) return UNNAMED;
  return decide(index, lane, { via: 'CONNECT', host: sni, port, inside: { kind: 'TLS', sni } });
}

const FULL_ACCESS: Decision = { verdict: 'ALLOW', reason: 'FULL_ACCESS' };
/** Its destination is unknown, in dry-run lanes too. */
const UNNAMED: Decision = { verdict: 'DROP', reason: 'NO_SNI' };

type Finding = Omit<Decision, 'verdict'>;

function verdictOn(finding: Finding, lane: Lane): Decision {
  if (finding.reason === 'DESTINATION_ALLOWED') return { verdict: 'ALLOW', ...finding };
  const passes = isDryRun(lane) && !isDeniedAlways(finding.reason);
  return { verdict: passes ? 'DRY_RUN_DENIAL' : 'DROP', ...finding };
}

function find(index: TableIndex, lane: Lane, request: EgressRequest): Finding {
  if (!isPort(request.port)) return { reason: 'BAD_NAME' };
  const reach = reachOf(index, lane, request.host);
  if ('reason' in reach) return reach;
  const [reachable] = reach.matches;
  const onPort = reach.matches.filter(({ group }) => protocolsOn(group, request).length > 0);
  const [open] = onPort;
  if (open === undefined) return { reason: 'PORT_NOT_ALLOWED', rule: ruleOf(reachable) };
  const uninspected = onPort.find(({ group }) => protocolsOn(group, request).includes('TCP'));
  const reason = uninspected === undefined ? reasonInside(request, reach.name) : 'DESTINATION_ALLOWED';
  return { reason, rule: ruleOf(uninspected ?? open) };
}

/**
 * The decision on a DNS question: allowed where any port of the host may be reached. The reason and the rule are those
 * of a connection.
 */
export function decideName(index: TableIndex, lane: Lane, host: string): Decision {
  if (lane === 'full') return FULL_ACCESS;
  const reach = reachOf(index, lane, host);
  const finding: Finding =
    'reason' in reach ? reach : { reason: 'DESTINATION_ALLOWED', rule: ruleOf(reach.matches[0]) };
  return verdictOn(finding, lane);
}

/** The entries that allow a host on at least one port, or why none does. */
type Reach = { readonly name: string; readonly matches: readonly [Match, ...Match[]] } | Finding;

function reachOf(index: TableIndex, lane: Lane, host: string): Reach {
  const parsed = parseAskedHost(host);
  if ('fault' in parsed && parsed.fault === 'BAD_NAME') return { reason: 'BAD_NAME' };
  if (isMetadataHost('name' in parsed ? parsed.name : host)) return { reason: 'METADATA_ADDRESS' };
  if ('fault' in parsed) return { reason: 'IP_LITERAL' };
  if (index.table.denyReason !== undefined) return { reason: index.table.denyReason };
  const matches = matchesOf(index, parsed.name);
  const block = matches.find(isBlock);
  if (block !== undefined) return { reason: 'DESTINATION_BLOCKED', rule: ruleOf(block) };
  return reachThrough(matches, lane, parsed.name);
}

function reachThrough(matches: readonly Match[], lane: Lane, name: string): Reach {
  const [first] = matches;
  if (first === undefined) return { reason: reasonForUnlisted(name) };
  const withPorts = matches.filter(({ group }) => group.ports.length > 0);
  if (withPorts.length === 0) return { reason: 'PORT_NOT_ALLOWED', rule: ruleOf(first) };
  const [reachable, ...more] = isSealed(lane)
    ? withPorts.filter((match) => !isInternet(match.group))
    : withPorts;
  if (reachable === undefined) return { reason: 'INTERNET_SEALED', rule: ruleOf(first) };
  return { name, matches: [reachable, ...more] };
}

/** A storage provider's host gets a reason that says what to do about it. */
function reasonForUnlisted(name: string): Reason {
  if (ECH_OUTER_NAMES.includes(name)) return 'ECH_OUTER_NAME';
  const storage = parseStorageHost(name);
  if (storage === undefined) return 'DESTINATION_NOT_ALLOWED';
  return storage.location === null ? 'STORAGE_PATH_STYLE' : 'BUCKET_NOT_ALLOWED';
}

function reasonInside(request: EgressRequest, name: string): Reason {
  if (request.via === 'HTTP') return 'DESTINATION_ALLOWED';
  if (request.inside.kind === 'OTHER') return 'NOT_TLS';
  if (request.inside.sni === null) return 'NO_SNI';
  const sni = parseAskedHost(request.inside.sni);
  return 'name' in sni && sni.name === name ? 'DESTINATION_ALLOWED' : 'SNI_MISMATCH';
}

function protocolsOn(group: DestinationGroup, request: EgressRequest): readonly PortProtocol[] {
  const fitting: readonly PortProtocol[] = request.via === 'HTTP' ? ['HTTP'] : ['TLS', 'TCP'];
  return group.ports
    .filter(({ port, protocol }) => port === request.port && fitting.includes(protocol))
    .map(({ protocol }) => protocol);
}

/**
 * The entry that decides on a canonical host, as decide() would name it; for log lines, where the verdict is known. The
 * port is null for a DNS question.
 */
export function findRule(index: TableIndex, host: string, port: number | null): Rule | undefined {
  const matches = matchesOf(index, host);
  const onPort = matches.find(({ group }) => group.ports.some((entry) => entry.port === port));
  const match = matches.find(isBlock) ?? onPort ?? matches[0];
  return match === undefined ? undefined : ruleOf(match);
}

/** Internet destinations, which sealed lanes deny: those of the policy and of connections. */
export function isInternet(group: DestinationGroup): boolean {
  return group.list === 'allowedInternetDestinations' || group.list === 'connections';
}

/** How an entry is named in a decision. */
export function ruleOf(match: Match): Rule {
  const location = parseStorageHost(match.pattern)?.location ?? match.pattern;
  const isStorage =
    match.group.list === 'allowedStorageDestinations' || match.group.list === 'externalLocations';
  return { list: match.group.list, entry: isStorage ? location : match.pattern, source: match.group.source };
}

/** `allowedInternetDestinations "*.example.com" of NetworkPolicy/acme`. */
export function formatRule(rule: Rule): string {
  return `${rule.list} "${rule.entry}" of ${rule.source}`;
}
