// One EgressTable -> one RouteConfiguration that every entrance of the table shares: a virtual host per class of names
// and guard shard, and a default one that refuses. Lane differences are header matches on headers that the entrance
// overwrites, so that a client cannot choose its lane.
import { ALLOW_DECISION } from '../../model/access-log-line.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import type { PortProtocol } from '../../model/network-policy.ts';
import { METADATA_HOSTS, METADATA_RANGES } from '../../model/special-address.ts';
import { BUCKET_HOST_PATTERNS, PATH_STYLE_HOST_PATTERNS } from '../../model/storage-destination.ts';
import {
  type ClassifiedNames,
  type ClassifiedTable,
  type DestinationClass,
  type Ports,
} from './destination-classes.ts';
import type { LaneCaches } from './dns-cache.ts';
import { type Json, type NamedResource, typed } from './envoy-config.ts';
import { knownPort } from './filter-state.ts';
import {
  PASS_GUARD,
  privateGuardName,
  rawGuardName,
  shardOf,
  tlsGuardName,
  WATCH_GUARD,
} from './guard-names.ts';
import {
  forward,
  headerIs,
  hostMatches,
  inMode,
  MODE_HEADER,
  type RefusalContext,
  type RouteMatch,
  refuse,
  refuseAlways,
  SCOPE_HEADER,
} from './refusal.ts';

/** What the routes of one virtual host need to know. */
interface HostContext extends RefusalContext {
  readonly table: string;
  readonly shard: number;
  readonly enforcedCluster: string;
}

/** Never seen by a destination: ours, and what would tell it who the client is. */
const REMOVED_HEADERS = [
  MODE_HEADER,
  SCOPE_HEADER,
  'x-sallyport-src',
  'x-envoy-external-address',
  'x-forwarded-proto',
  'x-forwarded-for',
  'proxy-authorization',
  'proxy-connection',
];

export function renderRouteTable(
  classified: ClassifiedTable,
  shards: number,
  caches: LaneCaches,
): NamedResource {
  const { table, classes } = classified;
  const { name } = table.metadata;
  const context = {
    table: name,
    networkPolicyId: table.spec.networkPolicyId,
    enforcedCluster: caches.enforced.cluster,
    dryRunCluster: caches.dryRun.cluster,
  };
  const hosts = classes.flatMap((names, at) => virtualHosts(names, `${at}`, shards, context));
  const body = typed('envoy.config.route.v3.RouteConfiguration', {
    name,
    ignore_port_in_host_matching: true,
    request_headers_to_remove: REMOVED_HEADERS,
    virtual_hosts: [...hosts, metadataHost(context), defaultHost(table, context)].map((host) =>
      withRevision(host, table.spec.revision),
    ),
  });
  return { name, body };
}

interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Json[];
}

function virtualHosts(
  names: ClassifiedNames,
  id: string,
  shards: number,
  context: Omit<HostContext, 'shard'>,
): readonly VirtualHost[] {
  const byShard = Map.groupBy(names.patterns, (pattern) => shardOf(pattern, shards));
  return [...byShard.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([shard, domains]) => ({
      name: `class-${id}-shard-${shard}`,
      domains,
      routes: [
        ...(domains.some((domain) => domain.startsWith('*.')) ? refuseBadNames(context) : []),
        ...routesOf(names.class, { ...context, shard }),
      ],
    }));
}

function routesOf(names: DestinationClass, context: HostContext): readonly Json[] {
  if (names.kind === 'blocked') return refuse('DESTINATION_BLOCKED', context);
  const sealed = names.commonPorts.length === 0 ? 'INTERNET_SEALED' : 'PORT_NOT_ALLOWED';
  const { commonPorts, internetPorts, addressRanges } = names;
  return [
    // TCP first: where any entry lists a port for any bytes, nothing is looked at.
    ...allowRaw(commonPorts, addressRanges, context),
    ...allowRaw(internetPorts, addressRanges, context, [headerIs(SCOPE_HEADER, 'all')]),
    ...allowInspected(commonPorts, addressRanges, context),
    ...(internetPorts.length === 0 ? [] : refuse(sealed, context, [headerIs(SCOPE_HEADER, 'sealed')])),
    ...allowInspected(internetPorts, addressRanges, context),
    ...refuse('PORT_NOT_ALLOWED', context),
  ];
}

function allowRaw(
  ports: Ports,
  addressRanges: readonly string[],
  context: HostContext,
  headers: readonly Json[] = [],
): readonly Json[] {
  const isPrivate = addressRanges.length > 0;
  const raw = isPrivate ? privateGuardName('raw', addressRanges) : rawGuardName(context.table, context.shard);
  return portsOf(ports, 'TCP').flatMap((port) =>
    allowOn({ via: 'CONNECT', headers: [portIs(port), ...headers] }, port, raw, PASS_GUARD),
  );
}

function allowInspected(
  ports: Ports,
  addressRanges: readonly string[],
  context: HostContext,
): readonly Json[] {
  const isPrivate = addressRanges.length > 0;
  const tls = isPrivate ? privateGuardName('tls', addressRanges) : tlsGuardName(context.table, context.shard);
  const http = isPrivate ? privateGuardName('http', addressRanges) : context.enforcedCluster;
  return [
    ...portsOf(ports, 'TLS').flatMap((port) =>
      allowOn({ via: 'CONNECT', headers: [portIs(port)] }, port, tls, WATCH_GUARD),
    ),
    ...portsOf(ports, 'HTTP').flatMap((port) =>
      allowOn({ via: 'HTTP', headers: [httpPortIs(port)] }, port, http, context.dryRunCluster),
    ),
  ];
}

function portsOf(ports: Ports, protocol: PortProtocol): readonly number[] {
  return ports.filter((entry) => entry.protocol === protocol).map(({ port }) => port);
}

function allowOn(match: RouteMatch, port: number, enforced: string, dryRun: string): readonly Json[] {
  const dryRunMatch = { ...match, headers: [...(match.headers ?? []), inMode('dry-run')] };
  return [
    forward(ALLOW_DECISION, dryRunMatch, dryRun, knownPort(port)),
    forward(ALLOW_DECISION, match, enforced, knownPort(port)),
  ];
}

function portIs(port: number): Json {
  return { name: ':authority', string_match: { suffix: `:${port}` } };
}

function httpPortIs(port: number): Json {
  return port === 80
    ? { name: ':authority', string_match: { safe_regex: { regex: '[^:]*(:80)?' } } }
    : portIs(port);
}

// An address in any spelling that some resolver accepts ends in a number, or is written in brackets.
const IP_LITERAL = '(?:.*\\.)?(?:[0-9]+|0x[0-9a-f]*)\\.?|\\[.*\\]';

// Hosts that are no names: an empty label or one that begins or ends with a hyphen, a label that is too long, and
// characters that no name has.
const BAD_NAME = [
  '',
  '(?:[^:]*\\.)?[.-][^:]*',
  '[^:]*-\\.[^:]*',
  '[^:]*[.-]',
  '[^:]*[^.:]{64}[^:]*',
  '[^:]*[^a-z0-9.:-][^:]*',
].join('|');

/** An exact domain matches no such host, so only wildcards and the default need it. */
function refuseBadNames(context: RefusalContext): readonly Json[] {
  return refuse('BAD_NAME', context, [hostMatches(BAD_NAME)]);
}

/** By name, so that no allowed wildcard above it is more specific. */
function metadataHost(context: RefusalContext): VirtualHost {
  return { name: 'metadata', domains: METADATA_HOSTS, routes: refuseAlways('METADATA_ADDRESS', context, []) };
}

function defaultHost(table: EgressTable, context: RefusalContext): VirtualHost {
  const escape = (text: string): string => text.replaceAll('.', '\\.');
  // The usual spellings; in dry-run lanes the address guard refuses the others.
  const metadata = [
    ...METADATA_HOSTS.map(escape),
    ...METADATA_RANGES.map(({ family, address }) =>
      family === 6 ? `\\[${address}\\]` : `(?:\\[(?:::ffff:|64:ff9b::))?${escape(address)}\\]?`,
    ),
  ];
  const denied = table.spec.denyReason;
  const unlisted =
    denied === undefined
      ? [
          ...refuse('STORAGE_PATH_STYLE', context, [hostMatches(PATH_STYLE_HOST_PATTERNS.join('|'))]),
          ...refuse('BUCKET_NOT_ALLOWED', context, [hostMatches(BUCKET_HOST_PATTERNS.join('|'))]),
          ...refuse('DESTINATION_NOT_ALLOWED', context),
        ]
      : refuse(denied, context);
  return {
    name: 'unlisted',
    domains: ['*'],
    routes: [
      ...refuseAlways('METADATA_ADDRESS', context, [hostMatches(metadata.join('|'))]),
      ...refuse('IP_LITERAL', context, [hostMatches(IP_LITERAL)]),
      ...refuseBadNames(context),
      ...unlisted,
    ],
  };
}

/** On every route, since the log can name the route's metadata only. */
function withRevision(host: VirtualHost, revision: string): Json {
  const metadata = { filter_metadata: { sallyport: { revision } } };
  return { ...host, routes: host.routes.map((route) => ({ ...route, metadata })) };
}
