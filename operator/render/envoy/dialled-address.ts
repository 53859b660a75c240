// The second layer of the address guard: whatever a cache has resolved, another part of Envoy checks the address again
// before it is dialled. The first layer is the cache's own filter.
import { memoize } from '../../lib/memo.ts';
import { ADDRESS_RULE } from '../../model/access-log-line.ts';
import type { AddressRange } from '../../model/address-range.ts';
import { cidrRanges } from './address-guard.ts';
import type { DeniedAddresses, DnsCache } from './dns-cache.ts';
import { extension, type Json, type Place } from './envoy-config.ts';

/** For tunnels of TLS: before the tcp proxy, which must connect only when the client has said something. */
export function denyDialledAddress(cache: DnsCache): Json {
  return extension('envoy.filters.network.rbac', 'envoy.extensions.filters.network.rbac.v3.RBAC', {
    stat_prefix: ADDRESS_RULE,
    rules: denyRules(cache),
  });
}

/**
 * For plain HTTP, and tunnels that come through an address check: filters of the cluster that dials. Of dry-run lanes
 * they also record what enforced lanes would deny.
 */
export function denyUpstreamAddress(cache: DnsCache): readonly Json[] {
  const { deniedWhenEnforced } = cache;
  return [
    extension('envoy.filters.http.rbac', 'envoy.extensions.filters.http.rbac.v3.RBAC', {
      rules: denyRules(cache),
      ...(deniedWhenEnforced === undefined ? {} : { shadow_rules: denyRules(deniedWhenEnforced) }),
    }),
    extension(
      'envoy.filters.http.upstream_codec',
      'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec',
    ),
  ];
}

/** The rule of the enforced lane that would have denied where a request of a dry-run lane went, in a format string. */
export const DENYING_RULE = '%DYNAMIC_METADATA(envoy.filters.http.upstream_rbac:shadow_effective_policy_id)%';

function denyRules({ deniedRanges, deniedPlaces }: DeniedAddresses): Json {
  return rulesFor(deniedRanges, deniedPlaces);
}

/** The very same rules for the very same ranges: hundreds of tables share them. */
const rulesFor = memoize((deniedRanges: readonly AddressRange[], deniedPlaces: readonly Place[]): Json => {
  const places: readonly Place[] = [...deniedRanges.map((range) => ({ range })), ...deniedPlaces];
  const permissions = places.map(({ range, ports }) => ({
    matcher: extension(
      'envoy.rbac.matchers.upstream_ip_port',
      'envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher',
      {
        upstream_ip: cidrRanges([range])[0],
        // Its end is exclusive.
        ...(ports === undefined ? {} : { upstream_port_range: { start: ports.from, end: ports.to + 1 } }),
      },
    ),
  }));
  return { action: 'DENY', policies: { [ADDRESS_RULE]: { principals: [{ any: true }], permissions } } };
});
