// Tables and egress listeners -> all of Envoy's dynamic configuration. Pure: the same input gives the same bytes.
import { memoize } from '../../lib/memo.ts';
import { compareText } from '../../model/snapshot.ts';
import { addressCheck } from './address-check.ts';
import { blackholeCluster, forwardCluster, internalCluster } from './clusters.ts';
import { addressRangesOf, type DestinationClass, distinctAddressRanges } from './destination-classes.ts';
import { type DnsCache, type LaneCaches, laneCaches, privateCaches } from './dns-cache.ts';
import { renderEgressListener, sniRouter } from './egress-listener.ts';
import type {
  EgressListener,
  EnvoyConfig,
  EnvoyInput,
  GatewayLane,
  GatewaySettings,
  InternalListener,
  Json,
  NamedResource,
  RoutedListener,
} from './envoy-config.ts';
import { privateHttpCheck } from './private-http-check.ts';
import {
  passCheckName,
  privateCheckName,
  rawCheckName,
  shardOf,
  sniRouterName,
  tlsCheckName,
  watchCheckName,
} from './resource-names.ts';
import { renderRouteTable } from './route-table.ts';
import { type SpreadTable, spreadTables } from './spread-table.ts';
import { passCheck, rawCheck, tlsCheck, watchCheck } from './tunnel-checks.ts';
import { NO_TUNNELS, type TunnelMemory } from './tunnel-memory.ts';

/** `tunnels` are those of these very tables. */
export function renderEnvoy(input: EnvoyInput, tunnels: TunnelMemory = NO_TUNNELS): EnvoyConfig {
  const { settings } = input;
  const tables = spreadTables(input.tables, input.atMs);
  const caches = laneCaches(
    input,
    tables.map(({ classified }) => classified),
  );
  const left = Object.values(tunnels.tables).flatMap((table) => table.left);
  const classes = tables.flatMap(({ classified }) => classified.classes);
  const sets = distinctAddressRanges([...classes, ...left]);
  const privateSets = privateCaches(sets, settings).map((cache, at) => ({ ranges: sets[at] ?? [], cache }));
  const internalListeners = [
    ...caches.dryRun.flatMap((cache) => dryRunChecks(cache, settings)),
    ...tables.flatMap((table) =>
      tableChecks(table, tunnels, caches.enforced(table.classified.table.metadata.name), settings),
    ),
    ...privateSets.flatMap(({ ranges, cache }) => privateChecks(ranges, tunnels, cache, settings)),
  ];
  const listenersOf = Map.groupBy(input.egressListeners, ({ table }) => table);
  const lanes = tables.flatMap((table) => {
    const { name } = table.classified.table.metadata;
    return lanesOf(listenersOf.get(name) ?? []).map((lane) => ({ table, lane }));
  });
  const sniRouters = lanes.map(({ table, lane }) =>
    sniRouterOf(table.classified.table.metadata.name, lane, caches, settings),
  );
  return {
    clusters: [
      blackholeCluster(),
      ...caches.dryRun.map((cache) => once(cache, settings, 'forward', () => forwardCluster(cache))),
      ...tables.map(({ classified: { table } }) => {
        const { name } = table.metadata;
        const cache = caches.enforced(name);
        return { ...once(cache, settings, 'forward', () => forwardCluster(cache)), table: name };
      }),
      ...privateSets.map(({ cache }) => once(cache, settings, 'forward', () => forwardCluster(cache))),
      ...[...internalListeners, ...sniRouters].map(internalCluster),
    ],
    internalListeners,
    egressListeners: [
      ...sniRouters,
      ...input.egressListeners.flatMap((egressListener) =>
        renderEgressListener(egressListener, caches, settings),
      ),
    ],
    routeTables: lanes.map(({ table: { classified, shards }, lane }) =>
      renderRouteTable(classified, lane, shards),
    ),
  };
}

/** What is rendered with a cache, by name. */
const renderedWith = memoize(
  (_cache: DnsCache, _settings: GatewaySettings) => new Map<string, NamedResource>(),
);

/** The very same resource as the last time with the same cache: thousands need not be compared with what Envoy has. */
function once<Resource extends NamedResource>(
  cache: DnsCache,
  settings: GatewaySettings,
  name: string,
  render: () => Resource,
): Resource {
  const rendered = renderedWith(cache, settings);
  const resource = (rendered.get(name) as Resource | undefined) ?? render();
  rendered.set(name, resource);
  return resource;
}

function dryRunChecks(cache: DnsCache, settings: GatewaySettings): readonly InternalListener[] {
  const [watch, pass] = [watchCheckName(cache.name), passCheckName(cache.name)];
  return [
    once(cache, settings, watch, () => watchCheck(watch, cache, settings)),
    once(cache, settings, pass, () => passCheck(pass, cache, settings)),
    once(cache, settings, 'address', () => addressCheck(cache, settings, true)),
  ];
}

function sniRouterOf(
  table: string,
  lane: GatewayLane,
  caches: LaneCaches,
  settings: GatewaySettings,
): RoutedListener {
  const cache = caches.of(table, lane);
  return once(cache, settings, sniRouterName(table, lane), () => sniRouter(table, lane, caches, settings));
}

/** The lanes of a table that some workload uses. */
function lanesOf(egressListeners: readonly EgressListener[]): readonly GatewayLane[] {
  return [...new Set(egressListeners.map(({ lane }) => lane))].toSorted(compareText);
}

/** Those with remaining tunnels are retained: Envoy closes the tunnels of a listener that is removed. */
function tableChecks(
  { classified: { table, classes }, shards }: SpreadTable,
  tunnels: TunnelMemory,
  cache: DnsCache,
  settings: GatewaySettings,
): readonly InternalListener[] {
  const { name } = table.metadata;
  const left = tunnels.tables[name]?.left ?? [];
  const hasRaw = [...classes, ...left].some((names) => usesTcp(names.class));
  const current = Array.from({ length: shards }, (_, shard) => shard);
  const former = left
    .filter((names) => addressRangesOf(names.class).length === 0)
    .flatMap((names) => names.patterns.map((pattern) => shardOf(pattern, names.shards)));
  const shardChecks = [...new Set([...current, ...former])]
    .toSorted((a, b) => a - b)
    .flatMap((shard) => {
      const [tunnelCheck, raw] = [tlsCheckName(name, shard), rawCheckName(name, shard)];
      const internalListeners = [
        once(cache, settings, tunnelCheck, () => tlsCheck(tunnelCheck, cache, settings)),
        ...(hasRaw ? [once(cache, settings, raw, () => rawCheck(raw, cache, settings))] : []),
      ];
      return partsOf(tunnelCheck, internalListeners, tunnels);
    });
  const address = (): NamedResource => addressCheck(cache, settings, false);
  const checks = hasRaw ? [...shardChecks, once(cache, settings, 'address', address)] : shardChecks;
  return checks.map((check) => ({ ...check, table: name }));
}

/** Envoy closes the connections of a filter chain that differs in any byte, and of no other. */
function partsOf(
  tunnelCheck: string,
  internalListeners: readonly NamedResource[],
  { generations }: TunnelMemory,
): readonly InternalListener[] {
  const generation = generations[tunnelCheck];
  if (generation === undefined) return internalListeners.map((listener) => ({ ...listener, tunnelCheck }));
  return internalListeners.map((listener) => ({ ...inGeneration(listener, generation), tunnelCheck }));
}

const inGeneration = memoize(({ name, body }: NamedResource, generation: number): NamedResource => {
  const metadata = { filter_metadata: { sallyport: { generation } } };
  const chains = (body['filter_chains'] as readonly Json[]).map((chain) => ({ ...chain, metadata }));
  return { name, body: { ...body, filter_chains: chains } };
});

function privateChecks(
  ranges: readonly string[],
  tunnels: TunnelMemory,
  cache: DnsCache,
  settings: GatewaySettings,
): readonly InternalListener[] {
  const tls = privateCheckName('tls', ranges);
  const raw = privateCheckName('raw', ranges);
  const http = privateCheckName('http', ranges);
  const internalListeners = [
    once(cache, settings, tls, () => tlsCheck(tls, cache, settings)),
    once(cache, settings, raw, () => rawCheck(raw, cache, settings)),
    once(cache, settings, http, () => privateHttpCheck(http, cache, settings)),
  ];
  const address = once(cache, settings, 'address', () => addressCheck(cache, settings, false));
  return [...partsOf(tls, internalListeners, tunnels), address];
}

function usesTcp(names: DestinationClass): boolean {
  return (
    names.kind === 'allowed' &&
    [...names.commonPorts, ...names.internetPorts].some(({ protocol }) => protocol === 'TCP')
  );
}
