// Names of tunnel checks and their clusters, and how a table's names are spread over tunnel check shards. Removing a
// name and changing its shard's tunnel check ends the tunnels of that shard only, so with more shards fewer tunnels are
// closed.
import { crc32 } from 'node:zlib';
import { contentHash } from '../../compile/content-hash.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { compareText } from '../../model/snapshot.ts';
import type { GatewayLane } from './envoy-config.ts';

/** No table has this name: they all end in a hash. */
const DRY_RUN = 'dry-run';

/**
 * Of dry-run lanes whose tables have these private ranges; most have none. `namesRanges` are those of names of a private
 * endpoint, which enforced lanes let go nowhere else.
 */
export function dryRunName(privateRanges: readonly string[], namesRanges: readonly string[] = []): string {
  if (privateRanges.length === 0) return DRY_RUN;
  const name = `${DRY_RUN}-${contentHash(privateRanges)}`;
  return namesRanges.length === 0 ? name : `${name}-to-${contentHash(namesRanges)}`;
}

/** Address ranges of a table's private endpoints. */
export function privateRangesOf({ spec }: EgressTable): readonly string[] {
  const ranges = spec.groups.flatMap(({ addressRanges = [] }) => addressRanges);
  return [...new Set(ranges)].toSorted(compareText);
}

/** Cluster that connects to what the cache of this name has resolved. */
export function forwardName(cache: string): string {
  return `forward-${cache}`;
}

/** Forwards listed and unlisted tunnels of dry-run lanes and logs what was inside. */
export function watchCheckName(dryRun: string): string {
  return `check-watch-${dryRun}`;
}

/** Forwards any bytes of dry-run lanes, and logs that they would have been denied. */
export function passCheckName(dryRun: string): string {
  return `check-pass-${dryRun}`;
}

const NAMES_PER_SHARD = 50;
const MAX_SHARDS_PER_TABLE = 16;
/** 200 tables x 16 shards cost 430 MB and 3.5 s per change, 200 x 4 158 MB and 0.8 s. */
const MAX_SHARDS_PER_GATEWAY = 512;

/** Shards for each table (by its number of names): a power of two, at most 16, and at most 512 in all. */
export function shardCounts(nameCounts: readonly number[]): readonly number[] {
  const fitting = (limit: number): readonly number[] =>
    nameCounts.map((count) => Math.min(limit, powerOfTwoFor(count / NAMES_PER_SHARD)));
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  let limit = MAX_SHARDS_PER_TABLE;
  while (limit > 1 && total(fitting(limit)) > MAX_SHARDS_PER_GATEWAY) limit /= 2;
  return fitting(limit);
}

function powerOfTwoFor(value: number): number {
  return value <= 1 ? 1 : 2 ** Math.ceil(Math.log2(value));
}

export function shardOf(pattern: string, shards: number): number {
  return crc32(pattern) % shards;
}

/** Also the name of the whole tunnel check. */
export function tlsCheckName(table: string, shard: number): string {
  return `check-tls-${table}-${shard}`;
}

export function rawCheckName(table: string, shard: number): string {
  return `check-raw-${table}-${shard}`;
}

/** A table has routes of its own for each lane that is used. */
export function routeTableName(table: string, lane: GatewayLane): string {
  return `${table}.${lane}`;
}

/** Serves transparent TLS of a table's lane in place of the proxy listener. */
export function sniRouterName(table: string, lane: GatewayLane): string {
  return `sni-router-${routeTableName(table, lane)}`;
}

export type PrivateProtocol = 'tls' | 'raw' | 'http';

/** One set of private tunnel checks per distinct set of address ranges. */
export function privateCheckName(protocol: PrivateProtocol, addressRanges: readonly string[]): string {
  return `check-private-${protocol}-${contentHash(addressRanges)}`;
}

/** Whether a listener of this name is internal: it is a tunnel check, an address check or an SNI router. */
export function isInternalName(listener: string): boolean {
  return /^(?:check|address-check|sni-router)-/.test(listener);
}

/** Prefix of the statistics of all connection managers of egress. */
export const EGRESS_STATISTICS = 'egress';
