// One EgressTable in one lane -> one RouteConfiguration that all its egress listeners share: a virtual host per class
// of names and tunnel check shard, and a default one that denies. A lane has a file of its own, so that nothing in a
// request can choose the lane, and no other lane's routes cost time.
import { memoize } from '../../lib/memo.ts';
import { ALLOW_DECISION } from '../../model/access-log-line.ts';
import { NO_SERVER_NAME } from '../../model/authority.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { isDryRun, isSealed } from '../../model/lane.ts';
import type { PortProtocol } from '../../model/network-policy.ts';
import { METADATA_HOSTS, METADATA_LITERALS } from '../../model/special-address.ts';
import { isAboveStorage } from '../../model/storage-host.ts';
import { authorityRule } from './authority-rule.ts';
import { type DenyContext, deny, denyAlways, forward } from './deny-routes.ts';
import {
  type ClassifiedNames,
  type ClassifiedTable,
  type DestinationClass,
  type Ports,
  unionOfPorts,
} from './destination-classes.ts';
import { type GatewayLane, type Json, type RouteTable, typed } from './envoy-config.ts';
import { DIALLED_HOST, knownPort, shareOnRoute } from './filter-state.ts';
import { addressCases, echCase, type HostCase, routing, storageCases } from './host-cases.ts';
import {
  dryRunName,
  forwardName,
  passCheckName,
  privateCheckName,
  privateRangesOf,
  rawCheckName,
  routeTableName,
  shardOf,
  tlsCheckName,
  watchCheckName,
} from './resource-names.ts';

/** Input for the routes of one table and lane. */
interface LaneContext extends DenyContext {
  readonly table: string;
  readonly lane: GatewayLane;
  readonly shards: number;
  /** Upstream cluster of plain HTTP. */
  readonly forwardCluster: string;
  /** Of all private endpoints of the table. */
  readonly privateRanges: readonly string[];
}

/** Headers that would reveal the client to a destination. */
const REMOVED_HEADERS = [
  'x-envoy-external-address',
  'x-forwarded-proto',
  'x-forwarded-for',
  'proxy-authorization',
  'proxy-connection',
];

/** Of every route table. */
const OF_ALL_REQUESTS: Json = { ...authorityRule(), ...shareOnRoute(DIALLED_HOST) };

/** By lane and shards. */
const renderedOf = memoize((_: ClassifiedTable) => new Map<string, RouteTable>());

/** The very same result for the same table, so that it is not serialised again. */
export function renderRouteTable(classified: ClassifiedTable, lane: GatewayLane, shards: number): RouteTable {
  const rendered = renderedOf(classified);
  const key = `${lane} ${shards}`;
  const resource = rendered.get(key) ?? routeConfiguration(classified, lane, shards);
  rendered.set(key, resource);
  return resource;
}

function routeConfiguration(
  { table, classes }: ClassifiedTable,
  lane: GatewayLane,
  shards: number,
): RouteTable {
  const name = routeTableName(table.metadata.name, lane);
  const own = privateRangesOf(table);
  const dryRun = dryRunName(own);
  const forwardCluster = forwardName(isDryRun(lane) ? dryRun : table.metadata.name);
  const context: LaneContext = {
    table: table.metadata.name,
    lane,
    shards,
    networkPolicyId: table.spec.networkPolicyId,
    forwardCluster,
    privateRanges: own,
    dryRun: isDryRun(lane)
      ? { connectCluster: passCheckName(dryRun), httpCluster: forwardCluster }
      : undefined,
  };
  const hosts = classes.flatMap((names, at) => virtualHosts(names, `${at}`, context));
  const body = typed('envoy.config.route.v3.RouteConfiguration', {
    name,
    ignore_port_in_host_matching: true,
    request_headers_to_remove: REMOVED_HEADERS,
    typed_per_filter_config: OF_ALL_REQUESTS,
    virtual_hosts: [...hosts, metadataHost(context), noName(context), defaultHost(table, context)].map(
      (host) => renderHost(host, table.spec.revision),
    ),
  });
  return { name, body, table: context.table, lane, clusters: clustersBehind(classes, context), classes };
}

interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly cases?: readonly HostCase[];
  readonly routes: readonly Json[];
}

/** Wildcards above storage hosts have a virtual host of their own: it denies what an exact domain may allow. */
function virtualHosts(names: ClassifiedNames, id: string, context: LaneContext): readonly VirtualHost[] {
  const [aboveStorage = [], others = []] = [true, false].map((is) =>
    names.patterns.filter((pattern) => mayCoverStorage(pattern) === is),
  );
  const isAllowed = names.class.kind === 'allowed';
  return [
    ...shardHosts({ ...names, patterns: others }, `class-${id}`, [], context),
    ...shardHosts(
      { ...names, patterns: aboveStorage },
      `class-${id}-above-storage`,
      isAllowed ? storageCases(context) : [],
      context,
    ),
  ];
}

function shardHosts(
  names: ClassifiedNames,
  name: string,
  cases: readonly HostCase[],
  context: LaneContext,
): readonly VirtualHost[] {
  const byShard = Map.groupBy(names.patterns, (pattern) => shardOf(pattern, context.shards));
  return [...byShard.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([shard, domains]) => ({
      name: `${name}-shard-${shard}`,
      domains,
      cases,
      routes: routesOf(names.class, shard, context),
    }));
}

function isWildcard(domain: string): boolean {
  return domain.startsWith('*.');
}

function mayCoverStorage(domain: string): boolean {
  return isWildcard(domain) && isAboveStorage(domain.slice(2));
}

function routesOf(names: DestinationClass, shard: number, context: LaneContext): readonly Json[] {
  if (names.kind === 'blocked') return deny('DESTINATION_BLOCKED', context);
  const { commonPorts, internetPorts, addressRanges } = names;
  const sealed = isSealed(context.lane);
  const ports = sealed ? commonPorts : unionOfPorts([commonPorts, internetPorts]);
  const isSealedOff = sealed && commonPorts.length === 0 && internetPorts.length > 0;
  return [
    ...allow(ports, clustersOf(addressRanges, shard, context)),
    ...deny(isSealedOff ? 'INTERNET_SEALED' : 'PORT_NOT_ALLOWED', context),
  ];
}

/** Where allowed requests of each protocol go. */
type ProtocolClusters = Readonly<Record<PortProtocol, string>>;

function clustersOf(addressRanges: readonly string[], shard: number, context: LaneContext): ProtocolClusters {
  if (context.dryRun !== undefined) {
    const name = dryRunName(context.privateRanges, addressRanges);
    return { TCP: passCheckName(name), TLS: watchCheckName(name), HTTP: forwardName(name) };
  }
  if (addressRanges.length > 0) {
    return {
      TCP: privateCheckName('raw', addressRanges),
      TLS: privateCheckName('tls', addressRanges),
      HTTP: privateCheckName('http', addressRanges),
    };
  }
  return {
    TCP: rawCheckName(context.table, shard),
    TLS: tlsCheckName(context.table, shard),
    HTTP: context.forwardCluster,
  };
}

function clustersBehind(classes: readonly ClassifiedNames[], context: LaneContext): readonly string[] {
  const found = classes.flatMap(({ class: names, patterns }) => {
    const shards = new Set(patterns.map((pattern) => shardOf(pattern, context.shards)));
    if (names.kind === 'blocked') return [];
    return [...shards].flatMap((shard) => Object.values(clustersOf(names.addressRanges, shard, context)));
  });
  return [...new Set([context.forwardCluster, ...found])];
}

/** TCP first: where any entry lists a port for any bytes, they are not inspected. */
function allow(ports: Ports, clusters: ProtocolClusters): readonly Json[] {
  const routes = (protocol: PortProtocol): readonly Json[] =>
    ports
      .filter((entry) => entry.protocol === protocol)
      .map(({ port }) => {
        const match =
          protocol === 'HTTP'
            ? ({ via: 'HTTP', headers: [httpPortIs(port)] } as const)
            : ({ via: 'CONNECT', headers: [portIs(port)] } as const);
        return forward(ALLOW_DECISION, match, clusters[protocol], knownPort(port));
      });
  return [...routes('TCP'), ...routes('TLS'), ...routes('HTTP')];
}

function portIs(port: number): Json {
  return { name: ':authority', string_match: { suffix: `:${port}` } };
}

function httpPortIs(port: number): Json {
  return port === 80
    ? { name: ':authority', string_match: { safe_regex: { regex: '[^:]*(:80)?' } } }
    : portIs(port);
}

/** No allowed wildcard is more specific. The address guard denies the addresses in every other spelling. */
function metadataHost(context: DenyContext): VirtualHost {
  return {
    name: 'metadata',
    domains: [...METADATA_HOSTS, ...METADATA_LITERALS],
    routes: deny('METADATA_ADDRESS', context),
  };
}

/** The host of transparent TLS without a server name; its destination is unknown, in dry-run lanes too. */
function noName(context: DenyContext): VirtualHost {
  return {
    name: 'no-name',
    domains: [NO_SERVER_NAME],
    routes: denyAlways('NO_SNI', context.networkPolicyId),
  };
}

function defaultHost(table: EgressTable, context: DenyContext): VirtualHost {
  const denied = table.spec.denyReason;
  return {
    name: 'unlisted',
    domains: ['*'],
    cases: [
      ...addressCases(context),
      ...(denied === undefined ? [echCase(context), ...storageCases(context)] : []),
    ],
    routes: deny(denied ?? 'DESTINATION_NOT_ALLOWED', context),
  };
}

/** All routes pass here. Each carries the revision, since the log can name only the route's metadata. */
function renderHost({ name, domains, cases = [], routes }: VirtualHost, revision: string): Json {
  const metadata = { filter_metadata: { sallyport: { revision } } };
  const revised = (own: readonly Json[]): readonly Json[] => own.map((route) => ({ ...route, metadata }));
  const revisedCases = cases.map((one) => ({ ...one, routes: revised(one.routes) }));
  return { name, domains, ...routing(revisedCases, revised(routes)) };
}
