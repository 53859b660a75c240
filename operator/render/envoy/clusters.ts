// Clusters: one per internal listener, and the upstream clusters. Circuit breakers lie far above every connection
// limit: with Envoy's defaults one pod with 1,024 tunnels stops the whole gateway; fairness belongs to the listener.
import { memoize } from '../../lib/memo.ts';
import { BUFFER_BYTES } from '../../model/limits.ts';
import { denyUpstreamAddress } from './dialled-address.ts';
import type { DnsCache } from './dns-cache.ts';
import { extension, type Json, type NamedResource, typed } from './envoy-config.ts';

/** A cluster without endpoints: connections to it fail. */
export const BLACKHOLE = 'blackhole';

const CONNECT_TIMEOUT = '10s';
const UNLIMITED = 1_000_000;
export const UNLIMITED_CIRCUIT = {
  thresholds: [
    {
      max_connections: UNLIMITED,
      max_pending_requests: UNLIMITED,
      max_requests: UNLIMITED,
      max_retries: UNLIMITED,
    },
  ],
};

export function blackholeCluster(): NamedResource {
  return cluster(BLACKHOLE, { type: 'STATIC' });
}

/** Connects to the internal listener of the same name; filter state goes with the connection. */
export function internalCluster({ name, table, body }: NamedResource): NamedResource {
  const connecting = connectingCluster(body, name);
  return table === undefined ? connecting : { ...connecting, table };
}

/** By the listener's body: the very same cluster for the same listener. */
const connectingCluster = memoize((_listener: Json, name: string): NamedResource => {
  const endpoint = { address: { envoy_internal_address: { server_listener_name: name } } };
  return cluster(name, {
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    transport_socket: extension(
      'envoy.transport_sockets.internal_upstream',
      'envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport',
      {
        transport_socket: extension(
          'envoy.transport_sockets.raw_buffer',
          'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer',
        ),
      },
    ),
  });
});

/** An upstream cluster: connects to the addresses that the cache resolves, on the requested port. */
export function forwardCluster(cache: DnsCache): NamedResource {
  return cluster(cache.cluster, {
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: extension(
      'envoy.clusters.dynamic_forward_proxy',
      'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig',
      { dns_cache_config: cache.config },
    ),
    // Idle upstream connections would pile up: every client has its own, over thousands of hosts.
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          common_http_protocol_options: { idle_timeout: '30s' },
          upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true },
          explicit_http_config: { http_protocol_options: {} },
          http_filters: denyUpstreamAddress(cache),
        },
      ),
    },
  });
}

function cluster(name: string, config: Json): NamedResource {
  const body = typed('envoy.config.cluster.v3.Cluster', {
    name,
    connect_timeout: CONNECT_TIMEOUT,
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    circuit_breakers: UNLIMITED_CIRCUIT,
    ...config,
  });
  return { name, body };
}
