// Envoy's name resolution: one cache per address guard, each with the dynamic forward proxy cluster that uses it.
import { contentHash } from '../../compile/content-hash.ts';
import type { AddressRange } from '../../model/address-range.ts';
import { cidrRanges, dryRunGuard, enforcedGuard, privateGuard } from './address-guard.ts';
import { extension, type GatewaySettings, type Json } from './envoy-config.ts';

export interface DnsCache {
  readonly name: string;
  /** Cluster that connects to what this cache resolves. */
  readonly cluster: string;
  readonly config: Json;
  /** Addresses that it leads nowhere to. */
  readonly refused: readonly AddressRange[];
}

/** The caches that every lane of the kind shares. */
export interface LaneCaches {
  readonly enforced: DnsCache;
  readonly dryRun: DnsCache;
}

export function laneCaches(settings: GatewaySettings): LaneCaches {
  return {
    enforced: dnsCache('enforced', enforcedGuard(settings), settings),
    dryRun: dnsCache('dry-run', dryRunGuard(), settings),
  };
}

export function privateCache(addressRanges: readonly string[], settings: GatewaySettings): DnsCache {
  const guard = privateGuard(addressRanges, settings);
  return dnsCache(`private-${contentHash(addressRanges)}`, guard, settings);
}

function dnsCache(name: string, refused: readonly AddressRange[], settings: GatewaySettings): DnsCache {
  const resolvers = settings.resolvers.map(({ address, port }) => ({
    socket_address: { address, port_value: port },
  }));
  const cares = extension(
    'envoy.network.dns_resolver.cares',
    'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
    {
      ...(resolvers.length === 0 ? {} : { resolvers }),
      dns_resolver_options: { no_default_search_domain: true },
    },
  );
  const config = {
    name,
    dns_lookup_family: 'V4_PREFERRED',
    // Names under an allowed wildcard can be made up without end; a full cache must not stop the others soon.
    max_hosts: 20_000,
    resolved_address_filter: { ranges: cidrRanges(refused) },
    typed_dns_resolver_config: cares,
  };
  return { name, cluster: `forward-${name}`, config, refused };
}
