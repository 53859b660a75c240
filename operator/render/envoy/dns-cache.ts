// Envoy's name resolution: one cache per table, one for all dry-run lanes whose tables have the same private ranges,
// and one per set of private ranges, each with the dynamic forward proxy cluster that uses it. Who fills a table's
// cache blocks only clients under that table.
import { contentHash } from '../../compile/content-hash.ts';
import { memoize } from '../../lib/memo.ts';
import type { AddressRange } from '../../model/address-range.ts';
import type { EgressTable } from '../../model/egress-table.ts';
import { isDryRun } from '../../model/lane.ts';
import { withEmbeddings } from '../../model/special-address.ts';
import {
  cidrRanges,
  dryRunGuard,
  enforcedGuard,
  mergeRanges,
  privateGuard,
  readableRanges,
  subtractRanges,
} from './address-guard.ts';
import {
  type EnvoyInput,
  extension,
  type GatewayLane,
  type GatewaySettings,
  type Json,
  type Place,
} from './envoy-config.ts';
import { dryRunName, forwardName, privateRangesOf } from './resource-names.ts';

export interface DnsCache {
  readonly name: string;
  /** Cluster that connects to what this cache resolves. */
  readonly cluster: string;
  readonly config: Json;
  /** Addresses that its names must not resolve to. */
  readonly deniedRanges: readonly AddressRange[];
  /** Further addresses that the second layer of the address guard denies. */
  readonly deniedPlaces: readonly Place[];
}

/**
 * Names under an allowed wildcard can be made up without end. A new one costs Envoy's main thread, which all tables share,
 * 0.6 ms beside 5,000 others and 10 ms beside 20,000; and some 5 KB. A full cache still serves the names that it has.
 */
const MAX_HOSTS = 5000;
/** A name that is unused for so long is evicted when the TTL of its answer is over. */
const UNUSED_HOST_TTL = '30s';
/** Names without an answer have no TTL. */
const FAILED_HOST_REFRESH = '30s';
/**
 * Requests that wait for an answer, up to 5 s where a name server is silent. Beyond it even cached names are denied, so
 * the cache is full long before.
 */
const MAX_PENDING_REQUESTS = 10_000;

/** A lost question is sent again, within the 5 s after which Envoy gives up. */
const REPEATED = { query_timeout_seconds: 2, query_tries: 2 };

/** Caches of tables, and of their private ranges in dry-run. */
export interface LaneCaches {
  /** One per set of private ranges; the first is that of tables without any. */
  readonly dryRun: readonly DnsCache[];
  enforced(table: string): DnsCache;
  of(table: string, lane: GatewayLane): DnsCache;
}

export function laneCaches(input: EnvoyInput): LaneCaches {
  const { settings } = input;
  const shared = enforcedSettings(settings);
  const tables = new Map(input.tables.map((table) => [table.metadata.name, table]));
  const enforced = (name: string): DnsCache => {
    const table = tables.get(name);
    return table === undefined ? dnsCache(name, shared) : cacheOfTable(table, shared);
  };
  const nowhere = dryRunCache([], input);
  const withDryRun = new Set(
    input.egressListeners.flatMap(({ table, lane }) => (isDryRun(lane) ? table : [])),
  );
  const used = input.tables.filter(({ metadata }) => withDryRun.has(metadata.name));
  const byTable = new Map(used.map((table) => [table.metadata.name, privateRangesOf(table)]));
  const bySet = new Map([...byTable.values()].map((own) => [dryRunName(own), own]));
  bySet.delete(nowhere.name);
  const dryRun = new Map([...bySet].map(([name, own]) => [name, dryRunCache(own, input)]));
  const dryRunOf = (table: string): DnsCache => dryRun.get(dryRunName(byTable.get(table) ?? [])) ?? nowhere;
  return {
    dryRun: [nowhere, ...dryRun.values()],
    enforced,
    of: (table, lane) => (isDryRun(lane) ? dryRunOf(table) : enforced(table)),
  };
}

/** Services of lanes come and go with workspaces, so only the second layer of the address guard knows them. */
function dryRunCache(own: readonly string[], { settings, tables, laneAddresses = [] }: EnvoyInput): DnsCache {
  const all = readableRanges(tables.flatMap(privateRangesOf));
  const foreign = subtractRanges(mergeRanges(all), readableRanges(own));
  const cache = dnsCache(dryRunName(own), cacheSettings(dryRunGuard(foreign, settings), settings));
  const services = mergeRanges(readableRanges(laneAddresses).flatMap(withEmbeddings));
  return { ...cache, deniedPlaces: [...cache.deniedPlaces, ...services.map((range) => ({ range }))] };
}

export function privateCache(addressRanges: readonly string[], settings: GatewaySettings): DnsCache {
  const tunnelCheck = privateGuard(addressRanges, settings);
  return dnsCache(`private-${contentHash(addressRanges)}`, cacheSettings(tunnelCheck, settings));
}

const enforcedSettings = memoize((settings: GatewaySettings) =>
  cacheSettings(enforcedGuard(settings), settings),
);

/** The very same cache for the same table, so that what is rendered with it is the same, too. */
const cacheOfTable = memoize(({ metadata }: EgressTable, shared: CacheSettings) =>
  dnsCache(metadata.name, shared),
);

interface CacheSettings {
  readonly deniedPlaces: readonly Place[];
  readonly deniedRanges: readonly AddressRange[];
  readonly config: Json;
  readonly hash: string;
}

/**
 * Envoy retains a cache for as long as it runs, and rejects other settings under its name. An Envoy that outlives us
 * may get others: of another version, resolver or range. So the name ends in a hash of the settings.
 */
function dnsCache(name: string, { config, hash, ...denied }: CacheSettings): DnsCache {
  return {
    name,
    cluster: forwardName(name),
    config: { name: `${name}.${hash}`, ...config },
    ...denied,
  };
}

function cacheSettings(deniedRanges: readonly AddressRange[], settings: GatewaySettings): CacheSettings {
  const resolvers = settings.resolvers.map(({ address, port }) => ({
    socket_address: { address, port_value: port },
  }));
  const cares = extension(
    'envoy.network.dns_resolver.cares',
    'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
    {
      ...(resolvers.length === 0 ? {} : { resolvers }),
      dns_resolver_options: { no_default_search_domain: true },
      ...REPEATED,
    },
  );
  const config = {
    dns_lookup_family: 'V4_PREFERRED',
    max_hosts: MAX_HOSTS,
    host_ttl: UNUSED_HOST_TTL,
    dns_refresh_rate: FAILED_HOST_REFRESH,
    dns_cache_circuit_breaker: { max_pending_requests: MAX_PENDING_REQUESTS },
    resolved_address_filter: { ranges: cidrRanges(deniedRanges) },
    typed_dns_resolver_config: cares,
  };
  return { deniedRanges, deniedPlaces: settings.ownPlaces, config, hash: contentHash(config) };
}
