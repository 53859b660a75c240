// Tables and entrances -> all of Envoy's dynamic configuration. Pure: the same input gives the same bytes.
import { compareText } from '../../model/snapshot.ts';
import { blackholeCluster, forwardCluster, internalCluster } from './clusters.ts';
import {
  type ClassifiedNames,
  type ClassifiedTable,
  classifyTable,
  type DestinationClass,
} from './destination-classes.ts';
import { type DnsCache, laneCaches, privateCache } from './dns-cache.ts';
import { renderEntrance } from './entrance.ts';
import type {
  Entrance,
  EnvoyConfig,
  EnvoyInput,
  GatewaySettings,
  GuardedLane,
  NamedResource,
} from './envoy-config.ts';
import {
  PASS_GUARD,
  privateGuardName,
  rawGuardName,
  shardCounts,
  tlsGuardName,
  WATCH_GUARD,
} from './guard-names.ts';
import { passGuard, rawGuard, tlsGuard, watchGuard } from './guards.ts';
import { privateHttpGuard } from './private-http-guard.ts';
import { renderRouteTable } from './route-table.ts';

export function renderEnvoy(input: EnvoyInput): EnvoyConfig {
  const { settings } = input;
  const caches = laneCaches(settings);
  const tables = input.tables.map((table) => classifyTable(table, input.atMs));
  const shards = shardCounts(tables.map(({ classes }) => countNames(classes)));
  const privateSets = privateAddressRanges(tables.flatMap(({ classes }) => classes)).map((ranges) => ({
    ranges,
    cache: privateCache(ranges, settings),
  }));
  const guards = [
    watchGuard(WATCH_GUARD, caches.dryRun, settings),
    passGuard(PASS_GUARD, caches.dryRun),
    ...tables.flatMap((table, at) => tableGuards(table, shards[at] ?? 1, caches.enforced, settings)),
    ...privateSets.flatMap(({ ranges, cache }) => privateGuards(ranges, cache, settings)),
  ];
  const ways = [caches.enforced, caches.dryRun, ...privateSets.map(({ cache }) => cache)];
  return {
    clusters: [
      blackholeCluster(),
      ...ways.map(forwardCluster),
      ...guards.map(({ name }) => internalCluster(name)),
    ],
    guards,
    entrances: input.entrances.map((entrance) => renderEntrance(entrance, caches, settings)),
    routeTables: tables.flatMap((table, at) =>
      lanesOf(table, input.entrances).map((lane) => renderRouteTable(table, lane, shards[at] ?? 1, caches)),
    ),
  };
}

/** The lanes of a table that some workload really takes. */
function lanesOf({ table }: ClassifiedTable, entrances: readonly Entrance[]): readonly GuardedLane[] {
  const used = entrances.filter((entrance) => entrance.table === table.metadata.name);
  return [...new Set(used.map(({ lane }) => lane))].toSorted(compareText);
}

function countNames(classes: readonly ClassifiedNames[]): number {
  return classes.reduce((sum, { patterns }) => sum + patterns.length, 0);
}

function tableGuards(
  { table, classes }: ClassifiedTable,
  shards: number,
  cache: DnsCache,
  settings: GatewaySettings,
): readonly NamedResource[] {
  const { name } = table.metadata;
  const hasRaw = classes.some((names) => usesTcp(names.class));
  return Array.from({ length: shards }, (_, shard) => [
    tlsGuard(tlsGuardName(name, shard), cache, settings),
    ...(hasRaw ? [rawGuard(rawGuardName(name, shard), cache, settings)] : []),
  ]).flat();
}

function privateGuards(
  ranges: readonly string[],
  cache: DnsCache,
  settings: GatewaySettings,
): readonly NamedResource[] {
  return [
    tlsGuard(privateGuardName('tls', ranges), cache, settings),
    rawGuard(privateGuardName('raw', ranges), cache, settings),
    privateHttpGuard(privateGuardName('http', ranges), cache, settings),
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
