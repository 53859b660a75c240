// Tables and entrances -> all of Envoy's dynamic configuration. Pure: the same input gives the same bytes.
import { indexTable } from '../../compile/table-index.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { compareText } from '../../model/snapshot.ts';
import { blackholeCluster, forwardCluster, internalCluster } from './clusters.ts';
import { type ClassifiedNames, classifyNames, type DestinationClass } from './destination-classes.ts';
import { dryRunCache, enforcedCache, privateCache } from './dns-cache.ts';
import { renderEntrance } from './entrance.ts';
import type { EnvoyConfig, EnvoyInput, GatewaySettings, NamedResource } from './envoy-config.ts';
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
  const tables = input.tables.map((table) => ({ table, classes: classifyNames(indexTable(table.spec, input.atMs)) }));
  const shards = shardCounts(tables.map(({ classes }) => countNames(classes)));
  const privateSets = privateAddressRanges(tables.flatMap(({ classes }) => classes));
  const guards = [
    ...dryRunGuards(settings),
    ...tables.flatMap(({ table, classes }, at) => tableGuards(table, classes, shards[at] ?? 1, settings)),
    ...privateSets.flatMap((ranges) => privateGuards(ranges, settings)),
  ];
  const caches = [
    enforcedCache(settings),
    dryRunCache(settings),
    ...privateSets.map((ranges) => privateCache(ranges, settings)),
  ];
  return {
    clusters: [
      blackholeCluster(),
      ...caches.map(forwardCluster),
      ...guards.map(({ name }) => internalCluster(name)),
    ],
    guards,
    entrances: input.entrances.map((entrance) => renderEntrance(entrance, settings)),
    routeTables: tables.map(({ table }, at) => renderRouteTable(table, shards[at] ?? 1, input)),
  };
}

function countNames(classes: readonly ClassifiedNames[]): number {
  return classes.reduce((sum, { patterns }) => sum + patterns.length, 0);
}

function dryRunGuards(settings: GatewaySettings): readonly NamedResource[] {
  const cache = dryRunCache(settings);
  return [watchGuard(WATCH_GUARD, cache, settings), passGuard(PASS_GUARD, cache)];
}

function tableGuards(
  table: EgressTable,
  classes: readonly ClassifiedNames[],
  shards: number,
  settings: GatewaySettings,
): readonly NamedResource[] {
  const { name } = table.metadata;
  const cache = enforcedCache(settings);
  const hasRaw = classes.some((names) => usesTcp(names.class));
  return Array.from({ length: shards }, (_, shard) => [
    tlsGuard(tlsGuardName(name, shard), cache, settings),
    ...(hasRaw ? [rawGuard(rawGuardName(name, shard), cache, settings)] : []),
  ]).flat();
}

function privateGuards(ranges: readonly string[], settings: GatewaySettings): readonly NamedResource[] {
  const cache = privateCache(ranges, settings);
  return [
    tlsGuard(privateGuardName('tls', ranges), cache, settings),
    rawGuard(privateGuardName('raw', ranges), cache, settings),
    privateHttpGuard(privateGuardName('http', ranges), cache, settings),
  ];
}

/** Every distinct set of address ranges that names are bound to. */
function privateAddressRanges(classes: readonly ClassifiedNames[]): readonly (readonly string[])[] {
  const sets = new Map(classes.map((names) => addressRangesOf(names.class)).map((ranges) => [ranges.join(), ranges]));
  return [...sets.entries()]
    .filter(([, ranges]) => ranges.length > 0)
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([, ranges]) => ranges);
}

function addressRangesOf(names: DestinationClass): readonly string[] {
  return names.kind === 'allowed' ? names.addressRanges : [];
}

function usesTcp(names: DestinationClass): boolean {
  return names.kind === 'allowed' && [...names.commonPorts, ...names.internetPorts].some(({ protocol }) => protocol === 'TCP');
}
