// Envoy's name resolution: one cache per table, one for all dry-run lanes whose tables have the same private ranges,
// and one per set of private ranges, each with the dynamic forward proxy cluster that uses it. Who fills a table's
// cache blocks only clients under that table.
import { contentHash } from '../../compile/content-hash.ts';
import { memoize, memoizeEach, memoizeLast } from '../../lib/memo.ts';
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
import { type ClassifiedTable, distinctAddressRanges } from './destination-classes.ts';
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
  /** Of dry-run lanes: what enforced lanes deny for the same names, which is only recorded here. */
  readonly deniedWhenEnforced?: DeniedAddresses;
}

export type DeniedAddresses = Pick<DnsCache, 'deniedRanges' | 'deniedPlaces'>;

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
  /**
   * One per set of private ranges of tables that have lanes in dry-run, and with the same cache one for the names of each of
   * their private endpoints.
   */
  readonly dryRun: readonly DnsCache[];
  enforced(table: string): DnsCache;
  of(table: string, lane: GatewayLane): DnsCache;
}

/** The classes are those of `input`. */
export function laneCaches(input: EnvoyInput, classified: readonly ClassifiedTable[]): LaneCaches {
  const { settings } = input;
  const shared = enforcedSettings(settings);
  const tables = new Map(input.tables.map((table) => [table.metadata.name, table]));
  const enforced = (name: string): DnsCache => {
    const table = tables.get(name);
    return table === undefined ? dnsCache(name, shared) : cacheOfTable(table, shared);
  };
  const ownRanges = new Map(
    input.egressListeners.flatMap(({ table, lane }) => {
      const found = tables.get(table);
      return isDryRun(lane) ? [[table, found === undefined ? [] : privateRangesOf(found)]] : [];
    }),
  );
  const classesOf = new Map(classified.map(({ table, classes }) => [table.metadata.name, classes]));
  const sets = [...Map.groupBy(ownRanges, ([, own]) => textOf(own)).values()].map(
    (alike): DryRunRanges => ({
      own: alike[0]?.[1] ?? [],
      ofNames: distinctAddressRanges(alike.flatMap(([table]) => classesOf.get(table) ?? [])),
    }),
  );
  const dryRun = sets.length === 0 ? NO_CACHES : dryRunCaches(textOf(sets), foreignText(input), settings);
  return {
    dryRun: [...dryRun.values()],
    enforced,
    of: (table, lane) => {
      const own = isDryRun(lane) ? ownRanges.get(table) : undefined;
      return (own && dryRun.get(dryRunName(own))) ?? enforced(table);
    },
  };
}

const NO_CACHES: ReadonlyMap<string, DnsCache> = new Map();

interface DryRunRanges {
  /** Of all private endpoints of a table. */
  readonly own: readonly string[];
  /** For each class of their names, the only ones that these may lead to. */
  readonly ofNames: readonly (readonly string[])[];
}

/** What no lane in dry-run may reach, unless it is its own: it is the same in most renderings. */
interface Foreign {
  readonly privateRanges: readonly string[];
  readonly laneAddresses: readonly string[];
}

function foreignText({ tables, laneAddresses = [] }: EnvoyInput): string {
  return textOf({ privateRanges: [...new Set(tables.flatMap(privateRangesOf))], laneAddresses });
}

/** As text, arguments are the same where they are equal. */
function textOf(value: readonly DryRunRanges[] | readonly string[] | Foreign): string {
  return JSON.stringify(value);
}

/**
 * The very same caches for equal ranges and addresses. Services of lanes come and go with workspaces, so only the second
 * layer of the address guard knows them.
 */
const dryRunCaches = memoizeLast(
  (sets: string, foreign: string, settings: GatewaySettings): ReadonlyMap<string, DnsCache> => {
    const { privateRanges, laneAddresses }: Foreign = JSON.parse(foreign);
    const all = mergeRanges(readableRanges(privateRanges));
    const services = mergeRanges(laneRanges(laneAddresses).flat()).map((range) => ({ range }));
    return new Map(
      (JSON.parse(sets) as readonly DryRunRanges[]).flatMap(({ own, ofNames }) => {
        const guard = dryRunGuard(subtractRanges(all, readableRanges(own)), settings);
        const { deniedPlaces, ...cache } = dnsCache(dryRunName(own), cacheSettings(guard, settings));
        const base = { ...cache, deniedPlaces: [...deniedPlaces, ...services] };
        return [[], ...ofNames].map((ranges) => {
          const name = dryRunName(own, ranges);
          const deniedWhenEnforced = enforcedFor(ranges, settings);
          // Plain HTTP is resolved before a route is known, so all have one cache of Envoy.
          return [name, { ...base, name, cluster: forwardName(name), deniedWhenEnforced }] as const;
        });
      }),
    );
  },
);

/** For names that may lead to these ranges only; to all public addresses where there are none. */
function enforcedFor(ranges: readonly string[], settings: GatewaySettings): DeniedAddresses {
  const { deniedRanges, deniedPlaces } = enforcedSettings(settings);
  return { deniedPlaces, deniedRanges: ranges.length === 0 ? deniedRanges : privateGuard(ranges, settings) };
}

const laneRanges = memoizeEach((address) => readableRanges([address]).flatMap(withEmbeddings));

/** One per set of private ranges, in their order; the very same as the last time. */
export function privateCaches(
  sets: readonly (readonly string[])[],
  settings: GatewaySettings,
): readonly DnsCache[] {
  return privateCachesOf(settings)(sets.map((ranges) => JSON.stringify(ranges)));
}

const privateCachesOf = memoize((settings: GatewaySettings) =>
  memoizeEach((text) => {
    const ranges: readonly string[] = JSON.parse(text);
    const denied = privateGuard(ranges, settings);
    return dnsCache(`private-${contentHash(ranges)}`, cacheSettings(denied, settings));
  }),
);

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
