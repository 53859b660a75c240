// Address checks: the second layer of the address guard for tunnels in which the server may speak first, so that
// nothing can wait for the client's first bytes. A tunnel check that has resolved its host sends a CONNECT to one;
// there the filters of the upstream cluster check the address, and only then is the tunnel open.
import { ALLOW_DECISION, DENYING_RULE_HEADER } from '../../model/access-log-line.ts';
import { accessLog, CONTEXT_KEY, NOT_ALLOWED } from './access-log.ts';
import { forward, header, reasonForTunnelCheck } from './deny-routes.ts';
import { DENYING_RULE } from './dialled-address.ts';
import type { DnsCache } from './dns-cache.ts';
import { extension, type GatewaySettings, type Json, type NamedResource } from './envoy-config.ts';
import { HOST_KEY, PORT_KEY, setOnConnection, stateText, textFormat } from './filter-state.ts';
import { internalListener } from './internal-listener.ts';

export function addressCheckName(cache: DnsCache): string {
  return `address-check-${cache.name}`;
}

/** For the tcp proxy of a tunnel check. */
export const ASK_ADDRESS_CHECK: Json = {
  tunneling_config: {
    hostname: `${stateText(HOST_KEY)}:${stateText(PORT_KEY)}`,
    // For the log of the tunnel check: why the address check denied, where it did.
    propagate_response_headers: true,
  },
};

/** For a tunnel check: whose tunnel it is, for the log of the address check. */
export function contextForAddressCheck(): Json {
  return setOnConnection({ key: CONTEXT_KEY, format: textFormat(stateText(CONTEXT_KEY)) });
}

/** In dry-run lanes the tunnel check before it has recorded everything. */
export function addressCheck(cache: DnsCache, settings: GatewaySettings, isDryRun: boolean): NamedResource {
  const name = addressCheckName(cache);
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const manager = extension('envoy.filters.network.http_connection_manager', type, {
    stat_prefix: name,
    codec_type: 'HTTP1',
    generate_request_id: false,
    delayed_close_timeout: '0.2s',
    stream_idle_timeout: '3600s',
    upgrade_configs: [{ upgrade_type: 'CONNECT' }],
    route_config: {
      name,
      // Address checks go before the clusters that they lead to, on a running Envoy too.
      validate_clusters: false,
      virtual_hosts: [
        { name: 'any', domains: ['*'], routes: [forward(ALLOW_DECISION, { via: 'CONNECT' }, cache.cluster)] },
      ],
      // Left out where no rule would have denied the address.
      ...(isDryRun ? { response_headers_to_add: [header(DENYING_RULE_HEADER, DENYING_RULE)] } : {}),
    },
    // Without the filter that resolves: the tunnel check has done so, and the cluster has no host for a name without an
    // address.
    http_filters: [
      extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {
        suppress_envoy_headers: true,
      }),
    ],
    local_reply_config: reasonForTunnelCheck(),
    access_log: isDryRun ? [] : accessLog(settings, 'address-check', stateText(CONTEXT_KEY), NOT_ALLOWED),
  });
  return internalListener(name, { filter_chains: [{ name: 'allow', filters: [manager] }] });
}
