// Tables and entrances -> all of Envoy's dynamic configuration. Pure: the same input gives the same bytes.
import { compareText } from '../../model/snapshot.ts';
import { addressGate } from './address-gate.ts';
import { blackholeCluster, forwardCluster, internalCluster } from './clusters.ts';
import type { ClassifiedNames, ClassifiedTable, DestinationClass } from './destination-classes.ts';
import { type DnsCache, laneCaches, privateCache } from './dns-cache.ts';
import { renderEntrance } from './entrance.ts';
import type {
  Entrance,
  EnvoyConfig,
  EnvoyInput,
  GatewaySettings,
  GuardedLane,
  Json,
  NamedResource,
} from './envoy-config.ts';
import {
  passGuardName,
  privateGuardName,
  rawGuardName,
  shardOf,
  tlsGuardName,
  watchGuardName,
} from './guard-names.ts';
import { passGuard, rawGuard, tlsGuard, watchGuard } from './guards.ts';
import { privateHttpGuard } from './private-http-guard.ts';
import { renderRouteTable } from './route-table.ts';
import { type SpreadTable, spreadTables } from './spread-table.ts';
import { NO_TUNNELS, type TunnelMemory } from './tunnel-memory.ts';
import { twinListener } from './twin.ts';

/** `tunnels` are those of these very tables. */
export function renderEnvoy(input: EnvoyInput, tunnels: TunnelMemory = NO_TUNNELS): EnvoyConfig {
  const { settings } = input;
  const caches = laneCaches(input);
  const tables = spreadTables(input.tables, input.atMs);
  const left = Object.values(tunnels.tables).flatMap((table) => table.left);
  const classes = tables.flatMap(({ classified }) => classified.classes);
  const privateSets = privateAddressRanges([...classes, ...left]).map((ranges) => ({
    ranges,
    cache: privateCache(ranges, settings),
  }));
  const guards = [
    ...caches.dryRun.flatMap((cache) => dryRunGuards(cache, settings)),
    ...tables.flatMap((table) =>
      tableGuards(table, tunnels, caches.enforced(table.classified.table.metadata.name), settings),
    ),
    ...privateSets.flatMap(({ ranges, cache }) => privateGuards(ranges, tunnels, cache, settings)),
  ];
  const lanes = tables.flatMap((table) =>
    lanesOf(table.classified, input.entrances).map((lane) => ({ table, lane })),
  );
  const twins = lanes.map(({ table, lane }) =>
    twinListener(table.classified.table.metadata.name, lane, caches, settings),
  );
  const ways = [
    ...caches.dryRun,
    ...tables.map(({ classified }) => caches.enforced(classified.table.metadata.name)),
    ...privateSets.map(({ cache }) => cache),
  ];
  return {
    clusters: [
      blackholeCluster(),
      ...ways.map(forwardCluster),
      ...[...guards, ...twins].map(({ name }) => internalCluster(name)),
    ],
    guards,
    entrances: [
      ...twins,
      ...input.entrances.flatMap((entrance) => renderEntrance(entrance, caches, settings)),
    ],
    routeTables: lanes.map(({ table: { classified, shards }, lane }) =>
      renderRouteTable(classified, lane, shards),
    ),
  };
}

function dryRunGuards(cache: DnsCache, settings: GatewaySettings): readonly NamedResource[] {
  return [
    watchGuard(watchGuardName(cache.name), cache, settings),
    passGuard(passGuardName(cache.name), cache, settings),
    addressGate(cache, settings, true),
  ];
}

/** The lanes of a table that some workload really takes. */
function lanesOf({ table }: ClassifiedTable, entrances: readonly Entrance[]): readonly GuardedLane[] {
  const used = entrances.filter((entrance) => entrance.table === table.metadata.name);
  return [...new Set(used.map(({ lane }) => lane))].toSorted(compareText);
}

/** Those that have tunnels only are kept: Envoy ends the tunnels of a listener that goes away. */
function tableGuards(
  { classified: { table, classes }, shards }: SpreadTable,
  tunnels: TunnelMemory,
  cache: DnsCache,
  settings: GatewaySettings,
): readonly NamedResource[] {
  const { name } = table.metadata;
  const left = tunnels.tables[name]?.left ?? [];
  const hasRaw = [...classes, ...left].some((names) => usesTcp(names.class));
  const current = Array.from({ length: shards }, (_, shard) => shard);
  const former = left
    .filter((names) => addressRangesOf(names.class).length === 0)
    .flatMap((names) => names.patterns.map((pattern) => shardOf(pattern, names.shards)));
  const shardGuards = [...new Set([...current, ...former])]
    .toSorted((a, b) => a - b)
    .flatMap((shard) => {
      const guard = tlsGuardName(name, shard);
      const guards = [
        tlsGuard(guard, cache, settings),
        ...(hasRaw ? [rawGuard(rawGuardName(name, shard), cache, settings)] : []),
      ];
      return atGeneration(guards, tunnels.generations[guard]);
    });
  return hasRaw ? [...shardGuards, addressGate(cache, settings, false)] : shardGuards;
}

/** Envoy ends the connections of a filter chain that differs in any byte, and of no other. */
function atGeneration(
  guards: readonly NamedResource[],
  generation: number | undefined,
): readonly NamedResource[] {
  if (generation === undefined) return guards;
  const metadata = { filter_metadata: { sallyport: { generation } } };
  return guards.map(({ name, body }) => {
    const chains = body['filter_chains'] as readonly Json[];
    return { name, body: { ...body, filter_chains: chains.map((chain) => ({ ...chain, metadata })) } };
  });
}

function privateGuards(
  ranges: readonly string[],
  tunnels: TunnelMemory,
  cache: DnsCache,
  settings: GatewaySettings,
): readonly NamedResource[] {
  const guards = [
    tlsGuard(privateGuardName('tls', ranges), cache, settings),
    rawGuard(privateGuardName('raw', ranges), cache, settings),
    privateHttpGuard(privateGuardName('http', ranges), cache, settings),
  ];
  return [
    ...atGeneration(guards, tunnels.generations[privateGuardName('tls', ranges)]),
    addressGate(cache, settings, false),
  ];
}

/** Every distinct set of address ranges that names are bound to. */
function privateAddressRanges(classes: readonly ClassifiedNames[]): readonly (readonly string[])[] {
  const sets = new Map(
    classes.map((names) => addressRangesOf(names.class)).map((ranges) => [ranges.join(), ranges]),
  );
  return [...sets.entries()]
    .filter(([, ranges]) => ranges.length > 0)
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([, ranges]) => ranges);
}

function addressRangesOf(names: DestinationClass): readonly string[] {
  return names.kind === 'allowed' ? names.addressRanges : [];
}

function usesTcp(names: DestinationClass): boolean {
  return (
    names.kind === 'allowed' &&
    [...names.commonPorts, ...names.internetPorts].some(({ protocol }) => protocol === 'TCP')
  );
}
